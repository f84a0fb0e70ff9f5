-- one row per (month, customer_id, category): what payments of the category were usually like before the month began
-- Logarithms of amounts: median and median absolute deviation, drawn towards everybody's by prior_payments payments.
-- The deviation is at least half of everybody's: it would be 0 of a customer half of whose payments are the same.
with payments as (

    select
        *,
        ln(amount) as size
    from {{ ref('card_payments') }}

),

months as (

    select month
    from payments
    where month >= cast('{{ var("signals_from") }}' as date)
    group by month

),

history as (

    select
        months.month as profile_month,
        payments.customer_id,
        payments.category,
        payments.size
    from months
    inner join payments
        on months.month > payments.month

),

own as (

    select
        profile_month,
        customer_id,
        category,
        count(*) as n_payments,
        median(size) as centre
    from history
    group by
        profile_month,
        customer_id,
        category

),

own_spread as (

    select
        history.profile_month,
        history.customer_id,
        history.category,
        median(abs(history.size - own.centre)) as spread
    from history
    inner join own
        on history.profile_month = own.profile_month
            and history.customer_id = own.customer_id
            and history.category = own.category
    group by
        history.profile_month,
        history.customer_id,
        history.category

),

everybody as (

    select
        profile_month,
        category,
        median(size) as centre
    from history
    group by
        profile_month,
        category

),

everybody_spread as (

    select
        history.profile_month,
        history.category,
        median(abs(history.size - everybody.centre)) as spread
    from history
    inner join everybody
        on history.profile_month = everybody.profile_month
            and history.category = everybody.category
    group by
        history.profile_month,
        history.category

),

-- Customers who pay in a category for the first time have everybody's profile.
wanted as (

    select
        month,
        customer_id,
        category
    from payments
    where month >= cast('{{ var("signals_from") }}' as date)
    group by
        month,
        customer_id,
        category

),

drawn as (

    select
        wanted.month,
        wanted.customer_id,
        wanted.category,
        coalesce(own.n_payments, 0) as n_payments,
        coalesce(own.n_payments * own.centre, 0) as own_centre,
        coalesce(own.n_payments * own_spread.spread, 0) as own_spread,
        everybody.centre as centre_of_all,
        everybody_spread.spread as spread_of_all
    from wanted
    inner join everybody
        on wanted.month = everybody.profile_month
            and wanted.category = everybody.category
    inner join everybody_spread
        on wanted.month = everybody_spread.profile_month
            and wanted.category = everybody_spread.category
    left join own
        on wanted.month = own.profile_month
            and wanted.customer_id = own.customer_id
            and wanted.category = own.category
    left join own_spread
        on wanted.month = own_spread.profile_month
            and wanted.customer_id = own_spread.customer_id
            and wanted.category = own_spread.category

),

final as (

    select
        month,
        customer_id,
        category,
        cast(n_payments as bigint) as n_payments,
        round(
            (own_centre + {{ var('prior_payments') }} * centre_of_all) / (n_payments + {{ var('prior_payments') }}), 6
        ) as centre,
        round(1.4826e0 * greatest(
            (own_spread + {{ var('prior_payments') }} * spread_of_all) / (n_payments + {{ var('prior_payments') }}),
            spread_of_all / 2
        ), 6) as spread
    from drawn

)

select * from final
