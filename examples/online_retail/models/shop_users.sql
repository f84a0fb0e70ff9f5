-- one row per customer
-- Eight of them have invoices to two countries: the newest counts.
with invoice_lines as (select * from {{ ref('invoice_lines') }} where customer_id is not null),

final as (

    select
        customer_id as user_id,
        arg_max(country, (invoiced_at, country)) as country,
        min(invoiced_at) as created_at
    from invoice_lines
    group by customer_id

)

select * from final
