-- one row per (fold, item_id) of an item that people touched: what their events with it add up to
with all_events as (

    select
        fold,
        item_id,
        count(*) as n_users,
        sum(n_events) as n_events,
        sum(n_views) as n_views,
        sum(n_carts) as n_carts,
        sum(n_purchases) as n_purchases,
        max(last_at) as last_event_at
    from {{ ref('interactions') }}
    group by
        fold,
        item_id

),

counted_events as (

    select
        fold,
        item_id,
        {{ kindred.exact_sum('weight') }} as popularity,
        {{ kindred.exact_sum('recent_weight') }} as recent_popularity,
        {{ kindred.exact_sum('n_views') }} as n_counted_views,
        {{ kindred.exact_sum('n_carts') }} as n_counted_carts,
        {{ kindred.exact_sum('n_purchases') }} as n_counted_purchases
    from {{ ref('counted_interactions') }}
    group by
        fold,
        item_id

),

revenues as (

    select
        fold,
        item_id,
        {{ kindred.exact_sum('value') }} as revenue
    from {{ ref('fold_events') }}
    where event_type = 'purchase'
    group by
        fold,
        item_id

),

final as (

    select
        all_events.*,
        revenues.revenue,
        counted_events.popularity,
        counted_events.recent_popularity,
        counted_events.n_counted_views,
        counted_events.n_counted_carts,
        counted_events.n_counted_purchases
    from all_events
    inner join counted_events
        on all_events.fold = counted_events.fold
            and all_events.item_id = counted_events.item_id
    left join revenues
        on all_events.fold = revenues.fold
            and all_events.item_id = revenues.item_id

)

select * from final
