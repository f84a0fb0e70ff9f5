-- one row per payment_id since signals_from: how unusual its amount, its place and its pace are, by what was before it
with payments as (select * from {{ ref('card_payments') }}),

profiles as (select * from {{ ref('spending_profiles') }}),

-- The two places before: a fraud far away must not make the next payment at home look like a flight.
places as (

    select
        payment_id,
        latitude,
        longitude,
        paid_at,
        lag(latitude, 1) over (partition by customer_id order by paid_at, payment_id) as latitude_1,
        lag(longitude, 1) over (partition by customer_id order by paid_at, payment_id) as longitude_1,
        lag(paid_at, 1) over (partition by customer_id order by paid_at, payment_id) as paid_at_1,
        lag(latitude, 2) over (partition by customer_id order by paid_at, payment_id) as latitude_2,
        lag(longitude, 2) over (partition by customer_id order by paid_at, payment_id) as longitude_2,
        lag(paid_at, 2) over (partition by customer_id order by paid_at, payment_id) as paid_at_2
    from payments
    where latitude is not null

),

distances as (

    select
        payment_id,
        {{ kindred.days_between('paid_at_1', 'paid_at') }} * 24 as hours_1,
        {{ kindred.days_between('paid_at_2', 'paid_at') }} * 24 as hours_2,
        power(sin(radians(latitude - latitude_1) / 2), 2)
        + cos(radians(latitude)) * cos(radians(latitude_1)) * power(sin(radians(longitude - longitude_1) / 2), 2)
            as haversine_1,
        power(sin(radians(latitude - latitude_2) / 2), 2)
        + cos(radians(latitude)) * cos(radians(latitude_2)) * power(sin(radians(longitude - longitude_2) / 2), 2)
            as haversine_2
    from places

),

-- Great-circle distance by the time between, of which six minutes are the least.
speeds as (

    select
        payment_id,
        case when hours_1 is not null then 12742 * asin(least(sqrt(haversine_1), 1.0e0)) / greatest(hours_1, 0.1e0) end
            as km_per_hour_1,
        case when hours_2 is not null then 12742 * asin(least(sqrt(haversine_2), 1.0e0)) / greatest(hours_2, 0.1e0) end
            as km_per_hour_2
    from distances

),

paces as (

    select
        payments.payment_id,
        payments.customer_id,
        payments.month,
        payments.paid_at,
        count(*) as n_in_the_hour
    from payments
    inner join payments as earlier
        on payments.customer_id = earlier.customer_id
            and payments.paid_at >= earlier.paid_at
            and payments.paid_at < earlier.paid_at + interval '1 hour'
    group by
        payments.payment_id,
        payments.customer_id,
        payments.month,
        payments.paid_at

),

usual_paces as (

    select
        *,
        avg(n_in_the_hour * 1.0e0) over (
            partition by customer_id order by paid_at, payment_id rows between unbounded preceding and 1 preceding
        ) as usual_in_the_hour
    from paces

),

final as (

    select
        payments.payment_id,
        payments.customer_id,
        payments.category,
        payments.merchant,
        payments.amount,
        payments.month,
        round((ln(payments.amount) - profiles.centre) / nullif(profiles.spread, 0), 4) as amount_z,
        round(least(speeds.km_per_hour_1, coalesce(speeds.km_per_hour_2, speeds.km_per_hour_1)), 2) as km_per_hour,
        cast(usual_paces.n_in_the_hour as bigint) as n_in_the_hour,
        round(usual_paces.n_in_the_hour - coalesce(usual_paces.usual_in_the_hour, 1), 4) as more_than_usual,
        payments.paid_at
    from payments
    inner join profiles
        on payments.month = profiles.month
            and payments.customer_id = profiles.customer_id
            and payments.category = profiles.category
    inner join usual_paces
        on payments.payment_id = usual_paces.payment_id
    left join speeds
        on payments.payment_id = speeds.payment_id

)

select * from final
