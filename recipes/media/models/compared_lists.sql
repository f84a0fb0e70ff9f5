-- one row per (learns_from, user_id, rank): the top of each list as of a fortnight ago, by what the lists learned from
-- The fold backtest knows nothing of the fortnight in which a shelf was filled at random. A build replaces the rows of
-- its own `learns_from` and keeps the others.
{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='learns_from') }}

select
    '{{ var("learns_from") }}' as learns_from,
    user_id,
    rank,
    item_id
from {{ ref('kindred', 'ranked_lists') }}
where fold = 'backtest'
    and policy = 'main'
    and rank <= {{ var('n_compared') }}
