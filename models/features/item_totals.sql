-- one row per (fold, item_id) of an item that people touched: what their events with it add up to
with totals as (

    select
        fold,
        item_id,
        count(*) as n_users,
        sum(case when recent_weight <> 0 then 1 else 0 end) as n_recent_users,
        sum(n_events) as n_events,
        sum(n_views) as n_views,
        sum(n_carts) as n_carts,
        sum(n_purchases) as n_purchases,
        {{ kindred.exact_sum('weight') }} as popularity,
        {{ kindred.exact_sum('recent_weight') }} as recent_popularity,
        {{ kindred.exact_sum('n_counted_views') }} as n_counted_views,
        {{ kindred.exact_sum('n_counted_carts') }} as n_counted_carts,
        {{ kindred.exact_sum('n_counted_purchases') }} as n_counted_purchases,
        max(last_at) as last_event_at
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
        totals.*,
        revenues.revenue
    from totals
    left join revenues
        on totals.fold = revenues.fold
            and totals.item_id = revenues.item_id

)

select * from final
