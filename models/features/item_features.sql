-- one row per (fold, item_id): every item that existed at the fold's moment, touched or not
with folds as (select * from {{ ref('folds') }}),

items as (select * from {{ ref('kindred', 'items') }}),

item_variants as (select * from {{ ref('item_variants') }}),

item_totals as (select * from {{ ref('item_totals') }}),

averages as (select * from {{ ref('average_items') }}),

-- Kept out here, before anybody proposes them, so that lists stay full.
excluded as (

    select
        fold,
        item_id
    from {{ ref('item_rules') }}
    where action = 'exclude'
        and segment is null
        and activity is null
        and policy is null
    group by
        fold,
        item_id

),

joined as (

    select
        folds.fold,
        items.item_id,
        item_variants.variant_group,
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
        (items.is_available or folds.fold <> 'live') and excluded.item_id is null as is_recommendable,
        coalesce(item_totals.n_users, 0) as n_users,
        coalesce(item_totals.n_recent_users, 0) as n_recent_users,
        coalesce(item_totals.n_events, 0) as n_events,
        coalesce(item_totals.n_views, 0) as n_views,
        coalesce(item_totals.n_carts, 0) as n_carts,
        coalesce(item_totals.n_purchases, 0) as n_purchases,
        coalesce(item_totals.popularity, 0) as popularity,
        coalesce(item_totals.recent_popularity, 0) as recent_popularity,
        coalesce(item_totals.revenue, 0) as revenue,
        coalesce(item_totals.popularity, 0) * coalesce(averages.recent_share, 0) as expected_recent_popularity,
        coalesce(averages.mean_popularity, 1) as mean_popularity,
        (coalesce(item_totals.n_counted_carts, 0) + 10 * averages.carts_per_view)
        / (coalesce(item_totals.n_counted_views, 0) + 10) as carts_per_view,
        (coalesce(item_totals.n_counted_purchases, 0) + 10 * averages.purchases_per_view)
        / (coalesce(item_totals.n_counted_views, 0) + 10) as purchases_per_view,
        {{ kindred.days_between('items.created_at', 'folds.learns_until') }} as age_days,
        {{ kindred.days_between('item_totals.last_event_at', 'folds.learns_until') }} as recency_days,
        item_totals.last_event_at
    from items
    inner join item_variants
        on items.item_id = item_variants.item_id
    cross join folds
    left join item_totals
        on items.item_id = item_totals.item_id
            and folds.fold = item_totals.fold
    left join averages
        on folds.fold = averages.fold
    left join excluded
        on items.item_id = excluded.item_id
            and folds.fold = excluded.fold
    where items.created_at < folds.learns_until
        or items.created_at is null
        or item_totals.item_id is not null

),

final as (

    select
        fold,
        item_id,
        variant_group,
        category,
        brand,
        is_recommendable,
        cast(price as double) as price,
        cast(price_percentile as double) as price_percentile,
        cast(n_users as bigint) as n_users,
        cast(n_recent_users as bigint) as n_recent_users,
        cast(n_events as bigint) as n_events,
        cast(n_views as bigint) as n_views,
        cast(n_carts as bigint) as n_carts,
        cast(n_purchases as bigint) as n_purchases,
        cast(revenue as double) as revenue,
        cast(popularity as double) as popularity,
        cast({{ kindred.trend('recent_popularity', 'expected_recent_popularity', 'mean_popularity') }} as double)
            as trend,
        cast(carts_per_view as double) as carts_per_view,
        cast(purchases_per_view as double) as purchases_per_view,
        cast(case when age_days < 0 then 0 else age_days end as double) as age_days,
        cast(recency_days as double) as recency_days,
        last_event_at
    from joined

)

select * from final
