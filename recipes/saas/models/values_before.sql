-- one row per account_id: what its users were worth by the newest build before this one; none in the first build
-- customer_values is replaced by each build. saas_events depends on this model, so that it runs before anything that
-- this build makes, and not by chance before or after.
with customer_values as (

    {{ kindred.previous_rows('customer_values', {
        'user_id': 'varchar', 'value_90d': 'double', 'as_of': 'timestamp',
    }) | indent(4) }}

),

users as (select * from {{ source('raw', 'users') }}),

final as (

    select
        users.account_id,
        round(sum(customer_values.value_90d), 2) as value_90d,
        min(customer_values.as_of) as as_of
    from customer_values
    inner join users
        on customer_values.user_id = users.user_id
    group by users.account_id

)

select * from final
