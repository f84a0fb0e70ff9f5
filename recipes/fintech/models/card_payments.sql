-- one row per payment_id: card payments until the as-of date of the build
with payments as (select * from {{ source('raw', 'card_payments') }}),

as_of as (select max(as_of) as as_of from {{ ref('kindred', 'folds') }}),

final as (

    select
        payments.payment_id,
        payments.customer_id,
        payments.merchant,
        payments.category,
        payments.amount,
        payments.latitude,
        payments.longitude,
        cast(date_trunc('month', payments.paid_at) as date) as month,
        payments.paid_at
    from payments
    inner join as_of
        on payments.paid_at < as_of.as_of

)

select * from final
