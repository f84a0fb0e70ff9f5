-- one row per kind of product: none of kindred's items
with products as (select * from {{ ref('products') }}),

final as (

    select
        kind,
        count(*) as n_products
    from products
    group by kind

)

select * from final
