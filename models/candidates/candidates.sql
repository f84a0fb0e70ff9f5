-- one row per (fold, generator, user_id, item_id): what each generator proposes, all in one shape
{{ config(materialized='view') }}

select
    fold,
    'als' as generator,
    user_id,
    item_id,
    cast(score as double) as score,
    cast(rank as bigint) as rank,
    cast(null as varchar) as because_item_id
from {{ ref('als_candidates') }}

union all

select
    fold,
    generator,
    user_id,
    item_id,
    cast(score as double) as score,
    cast(rank as bigint) as rank,
    cast(null as varchar) as because_item_id
from {{ ref('popular_candidates') }}

union all

-- The item is its own reason: nothing else brings it in.
select
    fold,
    'history' as generator,
    user_id,
    item_id,
    cast(score as double) as score,
    cast(rank as bigint) as rank,
    cast(null as varchar) as because_item_id
from {{ ref('history_candidates') }}
