-- one row per (user_id, feature): when a person first used a feature, in days from the own first day; '' = any feature
-- A feature is a category of items; it is used by an event that lists are evaluated on, such as a purchase.
{{ config(materialized='view') }}

with by_category as (

    select
        events.user_id,
        items.category,
        min(events.occurred_at) as first_at
    from {{ ref('person_events') }} as events
    inner join {{ ref('event_types') }} as event_types
        on events.event_type = event_types.event_type
            and event_types.is_target
    inner join {{ ref('kindred', 'items') }} as items
        on events.item_id = items.item_id
    inner join (select max(as_of) as as_of from {{ ref('folds') }}) as moment
        on events.occurred_at < moment.as_of
    group by
        events.user_id,
        items.category

),

firsts as (

    select
        user_id,
        category as feature,
        first_at
    from by_category
    where category is not null

    union all

    select
        user_id,
        '' as feature,
        min(first_at) as first_at
    from by_category
    group by user_id

),

final as (

    select
        firsts.user_id,
        firsts.feature,
        people.segment,
        people.age_days,
        cast({{ dbt.datediff('people.first_day', 'firsts.first_at', 'day') }} as bigint) as days_to_value  -- noqa: LT05
    from firsts
    inner join {{ ref('metric_people') }} as people
        on firsts.user_id = people.user_id

)

select * from final
