-- one row per (account_id, moment): accounts whose risk is assessed, and whether they cancelled in the period after
-- Moments are as_of and every period before it. An account that is younger than a period isn't assessed. is_cancelled
-- is null where the period after isn't over; what is known of cancellations later than as_of counts for nothing.
{% set days = var('period_days') | int %}

with accounts as (select * from {{ source('raw', 'accounts') }}),

users as (select * from {{ ref('product_users') }}),

now as (select max(as_of) as as_of from {{ ref('kindred', 'folds') }}),

moments as (

    select
        as_of,
        as_of as moment,
        true as is_newest
    from now
    {% for number in range(1, var('n_periods') | int) %}
    union all

    select
        as_of,
        as_of - interval '{{ number * days }} days' as moment,
        false as is_newest
    from now
    {% endfor %}

),

assessed as (

    select
        accounts.account_id,
        moments.moment,
        moments.is_newest,
        accounts.plan,
        moments.moment - interval '{{ days }} days' as seen_from,
        moments.moment + interval '{{ days }} days' as known_at,
        moments.as_of,
        accounts.cancelled_at
    from accounts
    inner join moments
        on accounts.signed_up_at <= moments.moment - interval '{{ days }} days'
            and (accounts.cancelled_at is null or accounts.cancelled_at >= moments.moment)

),

seats as (

    select
        assessed.account_id,
        assessed.moment,
        count(*) as n_seats
    from assessed
    inner join users
        on assessed.account_id = users.account_id
            and assessed.moment > users.invited_at
    group by
        assessed.account_id,
        assessed.moment

),

final as (

    select
        assessed.account_id,
        cast(assessed.moment as timestamp) as moment,
        assessed.is_newest,
        assessed.plan,
        seats.n_seats,
        case
            when assessed.known_at <= assessed.as_of
                then assessed.cancelled_at is not null and assessed.cancelled_at < assessed.known_at
        end as is_cancelled,
        cast(assessed.seen_from as timestamp) as seen_from,
        cast(assessed.known_at as timestamp) as known_at
    from assessed
    inner join seats
        on assessed.account_id = seats.account_id
            and assessed.moment = seats.moment

)

select * from final
