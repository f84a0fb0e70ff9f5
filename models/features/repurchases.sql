-- one row per (user_id, variant_group): how often and how regularly a person bought a thing, in whatever size or colour
with purchases as (select * from {{ ref('basket_items') }}),

item_features as (select * from {{ ref('item_features') }} where fold = 'live'),

-- What is bought twice on a day was forgotten or sent in two parcels: nothing was used up in between.
days as (

    select
        purchases.user_id,
        item_features.variant_group,
        max(purchases.bought_at) as bought_at
    from purchases
    inner join item_features
        on purchases.item_id = item_features.item_id
    group by
        purchases.user_id,
        item_features.variant_group,
        cast(purchases.bought_at as date)

),

counted as (

    select
        user_id,
        variant_group,
        cast(count(*) as bigint) as n_purchases,
        min(bought_at) as first_bought_at,
        max(bought_at) as last_bought_at
    from days
    group by
        user_id,
        variant_group

),

final as (

    select
        *,
        {{ kindred.days_between('first_bought_at', 'last_bought_at') }} / nullif(n_purchases - 1, 0) as mean_gap_days
    from counted

)

select * from final
