-- one row per (item_id, rank): whom to tell about an item
select
    item_id,
    cast(place as bigint) as rank,
    user_id,
    score,
    '{{ invocation_id }}' as run_id,
    cast('{{ kindred.run_clock() }}' as timestamp) as generated_at
from {{ ref('item_audiences') }}
where place <= 100
