-- one row per (fold, user_id, item_id): what an interaction counts for popularity and trend
-- Of one person's events with an item count as many as a ceiling, of those with all items as many as another. So a
-- script that opens one page a thousand times, or every page, hardly moves what is popular.
{{ config(materialized='view') }}
{% set ceiling = kindred.setting('traffic', 'max_events_per_person') %}

with heavy_users as (select * from {{ ref('heavy_users') }}),

shares as (

    select
        interactions.fold,
        interactions.user_id,
        interactions.item_id,
        interactions.weight,
        interactions.recent_weight,
        interactions.n_events,
        interactions.n_views,
        interactions.n_carts,
        interactions.n_purchases,
        interactions.last_at,
        coalesce(heavy_users.share, 1) as share,
        -- The weight of n events above the ceiling is that of ceiling + ln(1 + n - ceiling) events: see interactions.
        round({{ ceiling }} / ({{ ceiling }} + ln(greatest(1 + interactions.n_events - {{ ceiling }}, 1))), 9)
            as share_of_item
    from {{ ref('interactions') }} as interactions
    left join heavy_users
        on interactions.fold = heavy_users.fold
            and interactions.user_id = heavy_users.user_id

),

final as (

    select
        fold,
        user_id,
        item_id,
        weight * share_of_item * share as weight,
        recent_weight * share_of_item * share as recent_weight,
        n_events,
        n_views,
        n_carts,
        n_purchases,
        least(n_views, {{ ceiling }}) * share as n_counted_views,
        least(n_carts, {{ ceiling }}) * share as n_counted_carts,
        least(n_purchases, {{ ceiling }}) * share as n_counted_purchases,
        last_at
    from shares

)

select * from final
