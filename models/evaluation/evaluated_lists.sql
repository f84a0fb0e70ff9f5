-- one row per (fold, policy, generator, user_id, rank): the lists that are evaluated, each generator's and the blend's
{{ config(materialized='view') }}

select
    fold,
    'main' as policy,
    generator,
    user_id,
    item_id,
    rank
from {{ ref('eligible_candidates') }}
where fold <> 'live'
    and rank <= 20

union all

select
    fold,
    policy,
    'blend' as generator,
    user_id,
    item_id,
    rank
from {{ ref('ranked_lists') }}
where fold <> 'live'
    and rank <= 20
