-- one row per (customer_id, merchant): what a customer pays again and again, about the same after about the same time
-- Four payments at least; three of four gaps are within a seventh of the usual one, or two days, and three of four
-- amounts within a tenth of the usual one.
with payments as (

    select
        *,
        lag(paid_at) over (partition by customer_id, merchant order by paid_at, payment_id) as paid_before_at,
        row_number() over (partition by customer_id, merchant order by paid_at desc, payment_id desc)
            as number_from_the_last
    from {{ ref('card_payments') }}

),

gaps as (

    select
        *,
        {{ kindred.days_between('paid_before_at', 'paid_at') }} as gap_days
    from payments

),

usual as (

    select
        customer_id,
        merchant,
        count(*) as n_payments,
        median(gap_days) as period_days,
        median(amount) as amount
    from gaps
    group by
        customer_id,
        merchant
    having count(*) >= 4

),

steadiness as (

    select
        gaps.customer_id,
        gaps.merchant,
        min(usual.n_payments) as n_payments,
        min(usual.period_days) as period_days,
        avg(case
            when gaps.gap_days is null then null
            when abs(gaps.gap_days - usual.period_days) <= greatest(usual.period_days / 7, 2) then 1.0e0
            else 0.0e0
        end) as regular_share,
        avg(case when abs(gaps.amount - usual.amount) <= 0.1 * usual.amount then 1.0e0 else 0.0e0 end) as stable_share,
        max(case when gaps.number_from_the_last = 1 then gaps.amount end) as last_amount,
        max(gaps.paid_at) as last_paid_at
    from gaps
    inner join usual
        on gaps.customer_id = usual.customer_id
            and gaps.merchant = usual.merchant
    group by
        gaps.customer_id,
        gaps.merchant

),

as_of as (select max(as_of) as as_of from {{ ref('kindred', 'folds') }}),

due as (

    select
        steadiness.*,
        as_of.as_of,
        cast(round(steadiness.period_days) as integer) as whole_days
    from steadiness
    cross join as_of
    where steadiness.regular_share >= 0.75
        and steadiness.stable_share >= 0.75
        and steadiness.period_days >= 5

),

dated as (

    select
        *,
        {{ dbt.dateadd('day', 'whole_days', 'last_paid_at') }} as next_due_at
    from due

),

final as (

    select
        customer_id,
        merchant,
        cast(n_payments as bigint) as n_payments,
        last_amount,
        round(period_days, 1) as period_days,
        -- Half a period late is not late: it has ended.
        {{ kindred.days_between('next_due_at', 'as_of') }} <= greatest(period_days / 2, 3) as goes_on,
        last_paid_at,
        next_due_at
    from dated

)

select * from final
