-- one row per (user_id, rank): the list of each person who is known and may be addressed
select
    user_id,
    rank,
    item_id,
    score,
    source,
    reason,
    because_item_id,
    propensity,
    '{{ invocation_id }}' as run_id,
    cast('{{ kindred.run_clock() }}' as timestamp) as generated_at,
    cast({{ dbt.dateadd('hour', var('kindred__expires_after_hours'),
                        "cast('" ~ kindred.run_clock() ~ "' as timestamp)") }} as timestamp) as expires_at
from {{ ref('ranked') }}
where fold = 'live'
