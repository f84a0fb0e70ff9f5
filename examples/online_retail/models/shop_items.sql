-- one row per product that was ever sold
with sales as (

    select *
    from {{ ref('invoice_lines') }}
    where is_product
        and quantity > 0
        and unit_price > 0

),

titles as (

    select
        stock_code,
        description,
        row_number() over (partition by stock_code order by count(*) desc, max(invoiced_at) desc, description) as place
    from sales
    where description is not null
    group by
        stock_code,
        description

),

newest as (select max(invoiced_at) as newest_at from sales),

products as (

    select
        sales.stock_code,
        -- Large orders are cheaper: the median of the prices that were asked.
        quantile_disc(sales.unit_price, 0.5) as price,
        min(sales.invoiced_at) as first_sold_at,
        -- Invoices don't say what is in stock. A product without sales for four weeks counts as sold out.
        max(sales.invoiced_at) >= max(newest.newest_at) - interval 28 days as is_available
    from sales
    cross join newest
    group by sales.stock_code

),

final as (

    select
        products.stock_code as item_id,
        titles.description as title,
        products.price,
        products.is_available,
        products.first_sold_at as created_at
    from products
    left join titles
        on products.stock_code = titles.stock_code
            and titles.place = 1

)

select * from final
