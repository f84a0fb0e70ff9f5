-- one row per fold: what its average item looks like, the prior that small counts are drawn towards
{{ config(materialized='ephemeral') }}

with final as (

    select
        fold,
        {{ kindred.exact_sum('recent_popularity') }} / nullif({{ kindred.exact_sum('popularity') }}, 0) as recent_share,
        {{ kindred.exact_sum('popularity') }} / count(*) as mean_popularity,
        {{ kindred.exact_sum('n_counted_carts') }}
        / nullif({{ kindred.exact_sum('n_counted_views') }}, 0) as carts_per_view,
        {{ kindred.exact_sum('n_counted_purchases') }}
        / nullif({{ kindred.exact_sum('n_counted_views') }}, 0) as purchases_per_view
    from {{ ref('item_totals') }}
    group by fold

)

select * from final
