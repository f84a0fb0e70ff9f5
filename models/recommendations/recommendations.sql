-- one row per (user_id, rank): the list of each person who is known and may be addressed
select
    ranked.user_id,
    ranked.rank,
    ranked.item_id,
    ranked.score,
    ranked.policy,
    ranked.generator,
    ranked.reason,
    reasons.because_item_id,
    ranked.propensity,
    '{{ invocation_id }}' as run_id,
    cast('{{ kindred.run_clock() }}' as timestamp) as generated_at,
    cast({{ dbt.dateadd('hour', kindred.setting('lists', 'expires_after_hours'),
                        "cast('" ~ kindred.run_clock() ~ "' as timestamp)") }} as timestamp) as expires_at
from {{ ref('ranked_lists') }} as ranked
left join {{ ref('explanations') }} as reasons
    on ranked.user_id = reasons.user_id
        and ranked.item_id = reasons.item_id
where ranked.fold = 'live'
    and ranked.is_shown
