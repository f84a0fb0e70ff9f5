-- one row per product
with products as (select * from {{ source('raw', 'products') }}),

final as (

    select
        sku as item_id,
        name as title,
        description,
        department as category,
        brand,
        price,
        round(price - cost, 2) as margin,
        is_on_sale as is_available,
        listed_at as created_at,
        details as attributes
    from products

)

select * from final
