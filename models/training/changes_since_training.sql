-- one row: how much came since the last training, and how far it differs from what the training saw last
{{ config(materialized='ephemeral') }}

{% set horizon_days = var('kindred__horizon_days') | int %}

with last_training as (select * from {{ ref('last_training') }}),

live as (select max(case when fold = 'live' then learns_until end) as learns_until from {{ ref('folds') }}),

by_item as (

    select
        person_events.item_id,
        sum(case when person_events.occurred_at < last_training.learned_until then 1 else 0 end) as n_old,
        sum(
            case
                when person_events.occurred_at < last_training.learned_until
                    and person_events.occurred_at
                    >= {{ dbt.dateadd('day', -horizon_days, 'last_training.learned_until') }}
                    then 1
                else 0
            end
        ) as n_recent,
        sum(case when person_events.occurred_at >= last_training.learned_until then 1 else 0 end) as n_new
    from {{ ref('person_events') }} as person_events
    inner join last_training
        on last_training.learned_until is not null
    inner join live
        on person_events.occurred_at < live.learns_until
    group by person_events.item_id

),

-- What came since is held against the horizon before the training, by category; new items are a category of their own.
by_category as (

    select
        case when by_item.n_old = 0 then 'new items' else concat('category ', items.category) end as category,
        sum(by_item.n_new) as n_new,
        sum(by_item.n_recent) as n_recent,
        sum(by_item.n_old) + sum(by_item.n_new) as n_events
    from by_item
    inner join {{ ref('kindred', 'items') }} as items
        on by_item.item_id = items.item_id
    group by case when by_item.n_old = 0 then 'new items' else concat('category ', items.category) end

),

totals as (

    select
        sum(n_new) as n_new,
        nullif(cast(sum(n_new) as double), 0) as new_or_null,
        nullif(cast(sum(n_recent) as double), 0) as n_recent,
        nullif(cast(sum(n_events) as double), 0) as n_events
    from by_category

),

-- Total variation: the share of events that would have to be in another category for the two to be the same.
drift as (

    select
        {{ kindred.exact_sum(
            'abs(by_category.n_new / totals.new_or_null - by_category.n_recent / totals.n_recent) / 2'
        ) }} as drift
    from by_category
    cross join totals

),

final as (

    select
        totals.n_new / totals.n_events as new_events_share,
        drift.drift
    from totals
    cross join drift

)

select * from final
