-- one row per payment_id of an entry that is a payment: what signals, profiles and recurring payments are made of
{{ config(materialized='view') }}

with entries as (select * from {{ ref('card_entries') }}),

final as (

    select
        payment_id,
        customer_id,
        merchant,
        category,
        amount,
        latitude,
        longitude,
        month,
        paid_at
    from entries
    where kind = 'payment'

)

select * from final
