-- one row per (fold, item_id) of an item that people touched: what their events with it add up to
with people_counts as (

    select
        fold,
        item_id,
        count(*) as n_users
    from {{ ref('interactions') }}
    group by
        fold,
        item_id

),

event_counts as (

    select
        fold,
        item_id,
        count(*) as n_events,
        sum(case when event_type = 'view' then 1 else 0 end) as n_views,
        sum(case when event_type = 'add_to_cart' then 1 else 0 end) as n_carts,
        sum(case when event_type = 'purchase' then 1 else 0 end) as n_purchases,
        {{ kindred.exact_sum("case when event_type = 'purchase' then value end") }} as revenue,
        {{ kindred.exact_sum('weight') }} as popularity,
        {{ kindred.exact_sum('case when is_recent then weight else 0 end') }} as recent_popularity,
        max(occurred_at) as last_event_at
    from {{ ref('fold_events') }}
    group by
        fold,
        item_id

),

final as (

    select
        event_counts.*,
        people_counts.n_users
    from event_counts
    inner join people_counts
        on event_counts.fold = people_counts.fold
            and event_counts.item_id = people_counts.item_id

)

select * from final
