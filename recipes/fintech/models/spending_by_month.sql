-- one row per (customer_id, month, category): what a customer spent, and what was usual for the customer before
-- Usual is the median of the customer's earlier months, so that a month is called unusual once, and no later month
-- changes that. Sums of a few payments vary the more the larger they are; their square roots don't (M. Bartlett, "The
-- square root transformation in analysis of variance", 1936), so these are compared. The spread is the median absolute
-- deviation of the earlier months, drawn towards everybody's of the category, as of a few months it tells little, and
-- at least half of everybody's. Payments that recur are left out of it: two of them may fall into a month. Refunds
-- reduce the sums of their month. Months that aren't over have no row.
{% set prior = var('prior_months') %}

with as_of as (select max(as_of) as as_of from {{ ref('kindred', 'folds') }}),

entries as (

    select
        entries.*,
        case when recurring.merchant is null then entries.amount else 0 end as amount_at_will
    from {{ ref('card_entries') }} as entries
    inner join as_of
        on entries.month + interval '1 month' <= as_of.as_of
    left join {{ ref('recurring_payments') }} as recurring
        on entries.customer_id = recurring.customer_id
            and entries.merchant = recurring.merchant
    where entries.kind in ('payment', 'refund')

),

months as (select month from entries group by month),

-- A month without a payment counts, from the customer's first month on.
customers as (

    select
        customer_id,
        min(month) as first_month
    from entries
    group by customer_id

),

categories as (

    select
        entries.customer_id,
        entries.category,
        min(customers.first_month) as first_month
    from entries
    inner join customers
        on entries.customer_id = customers.customer_id
    group by
        entries.customer_id,
        entries.category

),

spent as (

    select
        categories.customer_id,
        months.month,
        categories.category,
        sum(case when entries.kind = 'payment' then 1 else 0 end) as n_payments,
        round(coalesce(sum(entries.amount), 0), 2) as amount,
        round(coalesce(sum(case when entries.kind = 'refund' then -entries.amount else 0 end), 0), 2)
            as refunded_amount,
        round(coalesce(sum(entries.amount_at_will), 0), 2) as amount_at_will
    from categories
    inner join months
        on categories.first_month <= months.month
    left join entries
        on categories.customer_id = entries.customer_id
            and categories.category = entries.category
            and months.month = entries.month
    group by
        categories.customer_id,
        months.month,
        categories.category

),

-- More may come back in a month than was spent: nothing was.
roots as (

    select
        *,
        sqrt(greatest(amount_at_will, 0)) as root
    from spent

),

usual as (

    select
        spent.customer_id,
        spent.month,
        spent.category,
        count(*) as n_earlier,
        sqrt(median(greatest(earlier.amount_at_will, 0))) as root
    from spent
    inner join spent as earlier
        on spent.customer_id = earlier.customer_id
            and spent.category = earlier.category
            and spent.month > earlier.month
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
        usual.n_earlier,
        usual.root,
        1.4826e0 * median(abs(earlier.root - usual.root)) as spread
    from usual
    inner join roots as earlier
        on usual.customer_id = earlier.customer_id
            and usual.category = earlier.category
            and usual.month > earlier.month
    group by
        usual.customer_id,
        usual.month,
        usual.category,
        usual.n_earlier,
        usual.root

),

-- Who pays in few months has no usual sum, and no spread.
everybody as (

    select
        month,
        category,
        median(spread) as spread
    from spreads
    where root > 0
    group by
        month,
        category

),

scores as (

    select
        roots.customer_id,
        roots.month,
        roots.category,
        roots.n_payments,
        roots.amount,
        roots.refunded_amount,
        roots.amount - roots.amount_at_will as recurring_amount,
        roots.amount_at_will,
        spreads.root * spreads.root as usual_amount,
        case
            when spreads.n_earlier >= {{ var('least_months') }} and spreads.root > 0
                then
                    (roots.root - spreads.root)
                    / greatest(
                        (spreads.n_earlier * spreads.spread + {{ prior }} * everybody.spread)
                        / (spreads.n_earlier + {{ prior }}),
                        everybody.spread / 2
                    )
        end as robust_z
    from roots
    left join spreads
        on roots.customer_id = spreads.customer_id
            and roots.month = spreads.month
            and roots.category = spreads.category
    left join everybody
        on roots.month = everybody.month
            and roots.category = everybody.category

),

final as (

    select
        customer_id,
        month,
        category,
        cast(n_payments as bigint) as n_payments,
        amount,
        refunded_amount,
        round(recurring_amount, 2) as recurring_amount,
        amount_at_will,
        round(usual_amount, 2) as usual_amount,
        round(robust_z, 2) as robust_z,
        robust_z >= {{ var('unusual_from') }} as is_unusual
    from scores

)

select * from final
