-- one row per (customer_id, month, category): what a customer spent, and what is usual for the customer
-- Usual is the median of the customer's other months. Sums of a few payments vary the more the larger they are; their
-- square roots don't (M. Bartlett, "The square root transformation in analysis of variance", 1936), so these are
-- compared. The spread is the median absolute deviation of the other months, drawn towards everybody's of the category,
-- as of a few months it tells little, and at least half of everybody's. Payments that recur are left out of it: two of
-- them may fall into a month. Months that aren't over have no row.
{% set prior = var('prior_months') %}

with as_of as (select max(as_of) as as_of from {{ ref('kindred', 'folds') }}),

payments as (

    select
        payments.*,
        case when recurring.merchant is null then payments.amount else 0 end as amount_at_will
    from {{ ref('card_payments') }} as payments
    inner join as_of
        on payments.month + interval '1 month' <= as_of.as_of
    left join {{ ref('recurring_payments') }} as recurring
        on payments.customer_id = recurring.customer_id
            and payments.merchant = recurring.merchant

),

months as (select month from payments group by month),

-- A month without a payment counts, from the customer's first month on.
customers as (

    select
        customer_id,
        min(month) as first_month
    from payments
    group by customer_id

),

categories as (

    select
        payments.customer_id,
        payments.category,
        min(customers.first_month) as first_month
    from payments
    inner join customers
        on payments.customer_id = customers.customer_id
    group by
        payments.customer_id,
        payments.category

),

spent as (

    select
        categories.customer_id,
        months.month,
        categories.category,
        count(payments.payment_id) as n_payments,
        round(coalesce(sum(payments.amount), 0), 2) as amount,
        round(coalesce(sum(payments.amount_at_will), 0), 2) as amount_at_will
    from categories
    inner join months
        on categories.first_month <= months.month
    left join payments
        on categories.customer_id = payments.customer_id
            and categories.category = payments.category
            and months.month = payments.month
    group by
        categories.customer_id,
        months.month,
        categories.category

),

usual as (

    select
        spent.customer_id,
        spent.month,
        spent.category,
        count(*) as n_others,
        median(others.amount_at_will) as usual_amount
    from spent
    inner join spent as others
        on spent.customer_id = others.customer_id
            and spent.category = others.category
            and spent.month <> others.month
    group by
        spent.customer_id,
        spent.month,
        spent.category

),

spreads as (

    select
        usual.customer_id,
        usual.month,
        usual.category,
        usual.n_others,
        usual.usual_amount,
        1.4826e0 * median(abs(sqrt(others.amount_at_will) - sqrt(usual.usual_amount))) as spread
    from usual
    inner join spent as others
        on usual.customer_id = others.customer_id
            and usual.category = others.category
            and usual.month <> others.month
    group by
        usual.customer_id,
        usual.month,
        usual.category,
        usual.n_others,
        usual.usual_amount

),

-- Who pays in few months has no usual sum, and no spread.
everybody as (

    select
        category,
        median(spread) as spread
    from spreads
    where usual_amount > 0
    group by category

),

scores as (

    select
        spent.customer_id,
        spent.month,
        spent.category,
        spent.n_payments,
        spent.amount,
        spent.amount - spent.amount_at_will as recurring_amount,
        spreads.usual_amount,
        case
            when spreads.n_others >= {{ var('least_months') }} and spreads.usual_amount > 0
                then
                    (sqrt(spent.amount_at_will) - sqrt(spreads.usual_amount))
                    / greatest(
                        (spreads.n_others * spreads.spread + {{ prior }} * everybody.spread)
                        / (spreads.n_others + {{ prior }}),
                        everybody.spread / 2
                    )
        end as robust_z
    from spent
    left join spreads
        on spent.customer_id = spreads.customer_id
            and spent.month = spreads.month
            and spent.category = spreads.category
    left join everybody
        on spent.category = everybody.category

),

final as (

    select
        customer_id,
        month,
        category,
        cast(n_payments as bigint) as n_payments,
        amount,
        round(recurring_amount, 2) as recurring_amount,
        round(usual_amount, 2) as usual_amount,
        round(robust_z, 2) as robust_z,
        robust_z >= {{ var('unusual_from') }} as is_unusual
    from scores

)

select * from final
