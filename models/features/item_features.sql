-- one row per (fold, item_id): every item that existed at the fold's moment, touched or not
with interactions as (select * from {{ ref('interactions') }}),

folds as (select * from {{ ref('folds') }}),

items as (select * from {{ ref('items') }}),

touched as (

    select
        fold,
        item_id,
        count(*) as n_users,
        sum(n_events) as n_events,
        sum(n_views) as n_views,
        sum(n_carts) as n_carts,
        sum(n_purchases) as n_purchases,
        sum(case when n_views > 0 then 1 else 0 end) as n_viewers,
        sum(case when n_views > 0 and n_carts > 0 then 1 else 0 end) as n_viewers_carting,
        sum(case when n_views > 0 and n_purchases > 0 then 1 else 0 end) as n_viewers_buying,
        {{ kindred.exact_sum('weight') }} as popularity,
        {{ kindred.exact_sum('recent_weight') }} as recent_popularity,
        {{ kindred.exact_sum('revenue') }} as revenue,
        max(last_at) as last_event_at
    from interactions
    group by
        fold,
        item_id

),

-- What a fold's average item looks like: the prior that small counts are drawn towards.
averages as (

    select
        fold,
        {{ kindred.exact_sum('recent_popularity') }} / nullif({{ kindred.exact_sum('popularity') }}, 0) as recent_share,
        {{ kindred.exact_sum('popularity') }} / count(*) as mean_popularity,
        sum(n_viewers_carting) / nullif(cast(sum(n_viewers) as double), 0) as view_to_cart_rate,
        sum(n_viewers_buying) / nullif(cast(sum(n_viewers) as double), 0) as view_to_purchase_rate
    from touched
    group by fold

),

joined as (

    select
        folds.fold,
        items.item_id,
        items.category,
        items.brand,
        items.price,
        case
            when items.price is not null then
                percent_rank() over (
                    partition by folds.fold, case when items.price is null then 1 else 0 end
                    order by items.price
                )
        end as price_percentile,
        -- What is in stock is known for today alone, so it says nothing about what could be sold in an earlier fold.
        (items.is_available or folds.fold <> 'live') as is_recommendable,
        coalesce(touched.n_users, 0) as n_users,
        coalesce(touched.n_events, 0) as n_events,
        coalesce(touched.n_views, 0) as n_views,
        coalesce(touched.n_carts, 0) as n_carts,
        coalesce(touched.n_purchases, 0) as n_purchases,
        coalesce(touched.popularity, 0) as popularity,
        coalesce(touched.recent_popularity, 0) as recent_popularity,
        coalesce(touched.revenue, 0) as revenue,
        coalesce(touched.popularity, 0) * coalesce(averages.recent_share, 0) as expected_recent_popularity,
        coalesce(averages.mean_popularity, 1) as mean_popularity,
        (coalesce(touched.n_viewers_carting, 0) + 10 * averages.view_to_cart_rate)
        / (coalesce(touched.n_viewers, 0) + 10) as view_to_cart_rate,
        (coalesce(touched.n_viewers_buying, 0) + 10 * averages.view_to_purchase_rate)
        / (coalesce(touched.n_viewers, 0) + 10) as view_to_purchase_rate,
        {{ dbt.datediff('items.created_at', 'folds.learns_until', 'second') }} / 86400.0 as age_days,
        {{ dbt.datediff('touched.last_event_at', 'folds.learns_until', 'second') }} / 86400.0 as recency_days,
        touched.last_event_at
    from items
    cross join folds
    left join touched
        on items.item_id = touched.item_id
            and folds.fold = touched.fold
    left join averages
        on folds.fold = averages.fold
    where items.created_at < folds.learns_until
        or items.created_at is null
        or touched.item_id is not null

),

final as (

    select
        fold,
        item_id,
        category,
        brand,
        is_recommendable,
        cast(price as double) as price,
        cast(price_percentile as double) as price_percentile,
        cast(n_users as bigint) as n_users,
        cast(n_events as bigint) as n_events,
        cast(n_views as bigint) as n_views,
        cast(n_carts as bigint) as n_carts,
        cast(n_purchases as bigint) as n_purchases,
        cast(revenue as double) as revenue,
        cast(popularity as double) as popularity,
        cast({{ kindred.trend('recent_popularity', 'expected_recent_popularity', 'mean_popularity') }} as double) as trend,
        cast(view_to_cart_rate as double) as view_to_cart_rate,
        cast(view_to_purchase_rate as double) as view_to_purchase_rate,
        cast(greatest(age_days, 0) as double) as age_days,
        cast(recency_days as double) as recency_days,
        last_event_at
    from joined

)

select * from final
