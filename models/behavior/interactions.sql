-- one row per (fold, user_id, item_id): what a person did with an item, as it was known at the fold's moment
-- The one place where time is cut: whatever reads this table can't see an event after the moment of its fold.
with folds as (select * from {{ ref('folds') }}),

event_types as (select * from {{ ref('event_types') }}),

people as (select * from {{ ref('people') }} where is_consented),

events as (

    select
        coalesce(user_id, anonymous_id) as identity_id,
        item_id,
        event_type,
        value,
        occurred_at
    from {{ ref('events') }}
    where item_id is not null

),

weighed_events as (

    select
        folds.fold,
        people.user_id,
        events.item_id,
        events.event_type,
        events.value,
        events.occurred_at,
        event_types.excludes_item,
        event_types.weight
        * case when events.value < event_types.neutral_value then -1 else 1 end
        * case
            when event_types.half_life_days is null then 1
            else power(
                0.5,
                {{ dbt.datediff('events.occurred_at', 'folds.learns_until', 'second') }}
                / 86400.0 / event_types.half_life_days
            )
        end as weight,
        case
            when events.occurred_at >= {{ dbt.dateadd('day', '-' ~ var('kindred__horizon_days'), 'folds.learns_until') }}
                then 1
            else 0
        end as is_recent
    from events
    inner join event_types
        on events.event_type = event_types.event_type
    inner join people
        on events.identity_id = people.identity_id
    inner join folds
        on events.occurred_at < folds.learns_until
    where event_types.weight <> 0
        or event_types.excludes_item

),

final as (

    select
        fold,
        user_id,
        item_id,
        {{ kindred.exact_sum('weight') }} as weight,
        {{ kindred.exact_sum('weight * is_recent') }} as recent_weight,
        max(case when excludes_item then 1 else 0 end) = 1 as is_excluded,
        count(*) as n_events,
        sum(case when event_type = 'view' then 1 else 0 end) as n_views,
        sum(case when event_type = 'add_to_cart' then 1 else 0 end) as n_carts,
        sum(case when event_type = 'purchase' then 1 else 0 end) as n_purchases,
        {{ kindred.exact_sum("case when event_type = 'purchase' then value end") }} as revenue,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from weighed_events
    group by
        fold,
        user_id,
        item_id

)

select * from final
