-- one row per (fold, user_id) of a person with a history: what their events add up to
{{ config(materialized='view') }}

with item_counts as (

    select
        fold,
        user_id,
        count(*) as n_items,
        sum(case when weight > 0 then 1 else 0 end) as n_liked_items,
        sum(case when is_excluded then 1 else 0 end) as n_excluded_items
    from {{ ref('interactions') }}
    group by
        fold,
        user_id

),

event_counts as (

    select
        fold,
        user_id,
        count(*) as n_events,
        sum(case when event_type = 'view' then 1 else 0 end) as n_views,
        sum(case when event_type = 'add_to_cart' then 1 else 0 end) as n_carts,
        sum(case when event_type = 'purchase' then 1 else 0 end) as n_purchases,
        {{ kindred.exact_sum("case when event_type = 'purchase' then value end") }} as revenue,
        max(occurred_at) as last_event_at
    from {{ ref('fold_events') }}
    group by
        fold,
        user_id

),

final as (

    select
        event_counts.*,
        item_counts.n_items,
        item_counts.n_liked_items,
        item_counts.n_excluded_items
    from event_counts
    inner join item_counts
        on event_counts.fold = item_counts.fold
            and event_counts.user_id = item_counts.user_id

)

select * from final
