-- one row per item_id: the lists of an item's page
with similar_items as (

    select
        item_id,
        {{ kindred.json_rows(['similar_item_id', 'round(score, 6)', 'generator'], order_by='rank') }} as similar_items
    from {{ ref('similar_items') }}
    group by item_id

),

bundles as (

    select
        item_id,
        {{ kindred.json_rows(['bundle_item_id', 'round(lift, 6)', 'price', 'margin', 'support'], order_by='rank') }}
            as bundles
    from {{ ref('bundles') }}
    group by item_id

),

final as (

    select
        coalesce(similar_items.item_id, bundles.item_id) as item_id,
        coalesce(similar_items.similar_items, '[]') as similar_items,
        coalesce(bundles.bundles, '[]') as bundles
    from similar_items
    full outer join bundles
        on similar_items.item_id = bundles.item_id

)

select * from final
