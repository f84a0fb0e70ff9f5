-- one row per (fold, user_id) of a person with a history: what their events add up to
{{ config(materialized='view') }}

with all_events as (

    select
        fold,
        user_id,
        count(*) as n_items,
        count(case when weight > 0 then 1 end) as n_liked_items,
        count(case when is_excluded then 1 end) as n_excluded_items,
        sum(n_events) as n_events,
        sum(n_views) as n_views,
        sum(n_carts) as n_carts,
        sum(n_purchases) as n_purchases,
        max(last_at) as last_event_at
    from {{ ref('interactions') }}
    group by
        fold,
        user_id

),

revenues as (

    select
        fold,
        user_id,
        {{ kindred.exact_sum('value') }} as revenue
    from {{ ref('fold_events') }}
    where event_type = 'purchase'
    group by
        fold,
        user_id

),

final as (

    select
        all_events.*,
        revenues.revenue
    from all_events
    left join revenues
        on all_events.fold = revenues.fold
            and all_events.user_id = revenues.user_id

)

select * from final
