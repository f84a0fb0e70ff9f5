-- one row per payment_id: what was booked on cards until the as-of date of the build, and what kind of entry it is
-- A refund is negative and reduces what was spent. An entry of 0 checks whether a card is good. Neither is a payment.
-- What is no number is told by its text: the statistics of Parquet files leave NaN out, and DuckDB compares by them.
-- depends_on: {{ ref('bank_problems') }}
with entries as (select * from {{ source('raw', 'card_payments') }}),

as_of as (select max(as_of) as as_of from {{ ref('kindred', 'folds') }}),

final as (

    select
        entries.payment_id,
        entries.customer_id,
        entries.merchant,
        entries.category,
        case
            when coalesce(lower(cast(entries.amount as varchar)) in ('nan', 'inf', '-inf'), true) then 'unreadable'
            when entries.amount > 0 then 'payment'
            when entries.amount < 0 then 'refund'
            else 'check'
        end as kind,
        entries.amount,
        entries.latitude,
        entries.longitude,
        cast(date_trunc('month', entries.paid_at) as date) as month,
        entries.paid_at
    from entries
    inner join as_of
        on entries.paid_at < as_of.as_of

)

select * from final
