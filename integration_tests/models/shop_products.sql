-- one row per product
with products as (select * from {{ ref('products') }}),

final as (

    select
        sku as item_id,
        title,
        kind as category,
        price,
        in_stock as is_available
    from products

)

select * from final
