-- one row per item_id: what is needed to show an item and to filter by it
with items as (select * from {{ ref('kindred', 'items') }}),

item_features as (select * from {{ ref('item_features') }} where fold = 'live'),

item_eligibility as (select * from {{ ref('item_eligibility') }}),

popular_items as (select * from {{ ref('popular_items') }} where fold = 'live' and generator = 'popular'),

final as (

    select
        items.item_id,
        cast(popular_items.rank as bigint) as popular_rank,
        items.title,
        items.category,
        items.brand,
        items.price,
        coalesce(items.is_available, true) as is_available,
        coalesce(item_features.is_recommendable, false) as is_recommendable,
        coalesce(item_eligibility.eligibility, '') as eligibility
    from items
    left join item_features
        on items.item_id = item_features.item_id
    left join popular_items
        on items.item_id = popular_items.item_id
    left join item_eligibility
        on items.item_id = item_eligibility.item_id

)

select * from final
