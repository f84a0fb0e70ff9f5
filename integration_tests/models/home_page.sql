-- one row per (customer_number, place): what the home page shows a customer
with recommendations as (select * from {{ ref('kindred', 'recommendations') }}),

products as (select * from {{ ref('products') }}),

final as (

    select
        recommendations.user_id as customer_number,
        recommendations.rank as place,
        recommendations.item_id as sku,
        products.title,
        products.kind,
        products.price,
        recommendations.reason
    from recommendations
    inner join products
        on recommendations.item_id = products.sku

)

select * from final
