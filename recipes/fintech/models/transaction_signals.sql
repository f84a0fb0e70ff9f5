-- one row per payment_id from the month after signals_from on: how unlikely it is, and whether it is flagged
-- Each measure becomes the share of the past month's payments, everybody's, that had as much. The smallest of the three
-- decides (L. Tippett, "The Methods of Statistics", 1931): a fraud is rarely unusual in every respect. A payment is
-- flagged above the score that flagged_share of the past month's payments had. Nothing here looks at what came after it.
{% set signals = {'amount': 'amount_z', 'place': 'km_per_hour', 'pace': 'more_than_usual'} %}

with measures as (select * from {{ ref('payment_measures') }}),

-- What a month's payments measure is what the next month's are compared with.
{% for signal, column in signals.items() %}
{{ signal }}_ranks as (

    select
        payment_id,
        month,
        is_past,
        sum(is_past) over (partition by month order by {{ column }} desc) as n_as_much,
        sum(is_past) over (partition by month) as n_past
    from (
        select
            payment_id,
            month,
            {{ column }},
            0 as is_past
        from measures
        where {{ column }} is not null

        union all

        select
            payment_id,
            cast({{ dbt.dateadd('month', 1, 'month') }} as date) as month,
            {{ column }},
            1 as is_past
        from measures
        where {{ column }} is not null
    ) as both_months

),

{{ signal }}_tails as (

    select
        payment_id,
        (n_as_much + 1.0e0) / (n_past + 1.0e0) as tail
    from {{ signal }}_ranks
    where is_past = 0
        and n_past > 0

),

{% endfor %}
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
        {% for signal in signals -%}
        coalesce({{ signal }}_tails.tail, 1) as {{ signal }}_tail,
        {% endfor -%}
        -- Where the card wasn't present its place tells nothing.
        round(-ln(least(
            {%- for signal in signals %}coalesce({{ signal }}_tails.tail, 1){{ ", " if not loop.last }}{% endfor -%}
        )) / ln(10.0e0), 4) as score,
        measures.paid_at
    from measures
    {%- for signal in signals %}
    {{ "inner" if signal == "amount" else "left" }} join {{ signal }}_tails
        on measures.payment_id = {{ signal }}_tails.payment_id
    {%- endfor %}

),

bounds as (

    select
        cast({{ dbt.dateadd('month', 1, 'month') }} as date) as month,
        percentile_cont({{ 1 - var('flagged_share') }}) within group (order by score) as flagged_above
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
