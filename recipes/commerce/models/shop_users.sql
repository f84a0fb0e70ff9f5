-- one row per customer account
-- What offers ask for stands in attributes: kindred reads any key of it.
with customers as (select * from {{ source('raw', 'customers') }}),

final as (

    select
        customer_no as user_id,
        registered_at as created_at,
        country,
        {{ kindred.json_record({'club': 'club', 'age': 'age'}) }} as attributes
    from customers

)

select * from final
