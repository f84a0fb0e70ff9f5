-- one row per policy, '' for all: what the people of its lists took in the last horizon, and what of it lists brought
-- What held-out people take owes nothing to personal lists, so it alone says whether lists cause what it says beside
-- what as many others take.
{{ config(materialized='ephemeral') }}
{% set horizon_days = var('kindred__horizon_days') | int %}

with recent as (

    select
        interactions.user_id,
        interactions.item_id
    from {{ ref('interactions') }} as interactions
    inner join (select max(as_of) as as_of from {{ ref('folds') }}) as moment
        on interactions.last_at >= {{ dbt.dateadd('day', -horizon_days, 'moment.as_of') }}
    where interactions.fold = 'live'
        and interactions.weight > 0

),

people as (

    select
        user_id,
        min(policy) as policy
    from {{ ref('recommendations') }}
    group by user_id

),

brought as (

    select
        user_id,
        item_id
    from {{ ref('list_outcomes') }}
    where clicked_at is not null
        or n_purchases > 0
    group by
        user_id,
        item_id

),

catalogue as (select * from {{ ref('recommendable_items') }}),

counted as (

    select
        people.policy,
        count(*) as n_taken,
        count(brought.item_id) as n_brought,
        sum(case when catalogue.item_id is null then 0 else 1 end) as n_in_catalogue,
        {{ kindred.exact_sum('coalesce(catalogue.popularity_percentile, 0)', scale=9) }} as percentiles
    from recent
    inner join people
        on recent.user_id = people.user_id
    left join brought
        on recent.user_id = brought.user_id
            and recent.item_id = brought.item_id
    left join catalogue
        on recent.item_id = catalogue.item_id
    where people.policy <> 'holdout'
    group by people.policy

),

final as (

    select * from counted

    union all

    select
        '' as policy,
        sum(n_taken) as n_taken,
        sum(n_brought) as n_brought,
        sum(n_in_catalogue) as n_in_catalogue,
        {{ kindred.exact_sum('percentiles', scale=9) }} as percentiles
    from counted

)

select
    policy,
    cast(n_brought as double) / nullif(n_taken, 0) as loop_share,
    percentiles / nullif(n_in_catalogue, 0) as mean_percentile
from final
