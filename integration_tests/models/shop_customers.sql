-- one row per customer
with customers as (select * from {{ ref('customers') }}),

final as (

    select
        customer_number as user_id,
        country,
        joined_on as created_at
    from customers

)

select * from final
