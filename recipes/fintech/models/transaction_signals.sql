-- one row per payment_id from the month after signals_from on: how unlikely it is, and whether it is flagged
-- Each measure becomes the share of the past month's payments, everybody's, that had as much. The smallest of the three
-- decides (L. Tippett, "The Methods of Statistics", 1931): a fraud is rarely unusual in every respect. A payment is
-- flagged above the score that flagged_share of the past month's payments had. Nothing here looks at what came after.
with measures as (select * from {{ ref('payment_measures') }}),

-- What a month's payments measure is what the next month's are compared with.
compared as (

    select
        payment_id,
        month,
        amount_z,
        km_per_hour,
        more_than_usual,
        0 as is_past
    from measures

    union all

    select
        payment_id,
        cast(month + interval '1 month' as date) as month,
        amount_z,
        km_per_hour,
        more_than_usual,
        1 as is_past
    from measures

),

-- Where the card wasn't present its place tells nothing, and counts nowhere.
counted as (

    select
        payment_id,
        month,
        is_past,
        km_per_hour is not null as has_place,
        sum(is_past) over (partition by month order by amount_z desc) as n_as_large,
        sum(is_past) over (partition by month) as n_past,
        sum(is_past) over (partition by month, km_per_hour is null order by km_per_hour desc) as n_as_far,
        sum(is_past) over (partition by month, km_per_hour is null) as n_past_places,
        sum(is_past) over (partition by month order by more_than_usual desc) as n_as_fast
    from compared

),

tails as (

    select
        payment_id,
        (n_as_large + 1.0e0) / (n_past + 1.0e0) as amount_tail,
        case when has_place and n_past_places > 0 then (n_as_far + 1.0e0) / (n_past_places + 1.0e0) else 1.0e0 end
            as place_tail,
        (n_as_fast + 1.0e0) / (n_past + 1.0e0) as pace_tail
    from counted
    where is_past = 0
        and n_past > 0

),

scores as (

    select
        measures.payment_id,
        measures.customer_id,
        measures.category,
        measures.merchant,
        measures.amount,
        measures.month,
        measures.amount_z,
        measures.km_per_hour,
        measures.n_in_the_hour,
        tails.amount_tail,
        tails.place_tail,
        tails.pace_tail,
        round(-ln(least(tails.amount_tail, tails.place_tail, tails.pace_tail)) / ln(10.0e0), 4) as score,
        measures.paid_at
    from measures
    inner join tails
        on measures.payment_id = tails.payment_id

),

bounds as (

    select
        cast(month + interval '1 month' as date) as month,
        percentile_cont({{ var('flagged_share') }}) within group (order by score desc) as flagged_above
    from scores
    group by month

),

final as (

    select
        scores.payment_id,
        scores.customer_id,
        scores.category,
        scores.merchant,
        scores.amount,
        scores.month,
        scores.amount_z,
        scores.km_per_hour,
        scores.n_in_the_hour,
        round(scores.amount_tail, 6) as amount_tail,
        round(scores.place_tail, 6) as place_tail,
        round(scores.pace_tail, 6) as pace_tail,
        scores.score,
        round(bounds.flagged_above, 4) as flagged_above,
        scores.score > bounds.flagged_above as is_flagged,
        scores.paid_at
    from scores
    left join bounds
        on scores.month = bounds.month

)

select * from final
