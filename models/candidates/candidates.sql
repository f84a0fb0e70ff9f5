-- one row per (fold, generator, user_id, item_id): what each generator proposes, all in one shape
{{ config(materialized='view') }}

select
    fold,
    'als' as generator,
    user_id,
    item_id,
    cast(score as double) as score,
    cast(rank as bigint) as rank
from {{ ref('als_candidates') }}

union all

select
    fold,
    'history' as generator,
    user_id,
    item_id,
    cast(score as double) as score,
    cast(rank as bigint) as rank
from {{ ref('history_candidates') }}

union all

select
    fold,
    generator,
    user_id,
    item_id,
    cast(score as double) as score,
    cast(rank as bigint) as rank
from {{ ref('neighbor_candidates') }}

union all

select
    fold,
    generator,
    user_id,
    item_id,
    cast(score as double) as score,
    cast(rank as bigint) as rank
from {{ ref('popular_candidates') }}

union all

select
    fold,
    'preferences' as generator,
    user_id,
    item_id,
    cast(score as double) as score,
    cast(rank as bigint) as rank
from {{ ref('preferred_candidates') }}

union all

select
    fold,
    'sessions' as generator,
    user_id,
    item_id,
    cast(score as double) as score,
    cast(rank as bigint) as rank
from {{ ref('session_candidates') }}
