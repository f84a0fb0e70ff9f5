-- one row per (source, policy, period, kind, estimator): the estimate, its error by people, and how its weights lie
{{ config(enabled=kindred.has_experiments()) }}

{% set key = ['source', 'policy', 'period', 'kind', 'estimator'] %}
with people as (select * from {{ ref('estimated_people') }}),

totals as (

    select
        {{ key | join(', ') }},
        count(*) as n_people,
        cast(sum(n_lists) as bigint) as n_lists,
        case
            when sum(n_expected) = sum(n_places)
                then 1 - {{ kindred.wide_sum('supported') }} / sum(n_places)
        end as unsupported_share,
        case
            when estimator not in ('dr', 'switch_dr', 'cascade_dr') or sum(n_expected) = sum(n_places)
                then {{ kindred.wide_sum('numerator') }}
        end as numerators,
        {{ kindred.wide_sum('denominator') }} as denominators,
        {{ kindred.wide_sum('weight') }} as weights,
        {{ kindred.wide_sum('weighed') }} as n_weighed,
        max(abs(numerator)) as largest_numerator,
        max(denominator) as largest_denominator,
        max(weight) as largest_weight,
        max(weighed) as largest_weighed
    from people
    group by {{ key | join(', ') }}

),

averaged as (

    select
        *,
        numerators / nullif(denominators, 0) as value,
        weights / n_weighed as mean_weight,
        nullif(largest_numerator + abs(numerators / nullif(denominators, 0)) * largest_denominator, 0) as scale,
        nullif(largest_weight + weights / n_weighed * largest_weighed, 0) as weight_scale
    from totals

),

-- Places and lists of one person hang together, so the error is that of a sample of people: of a ratio of two sums
-- (Cochran, Sampling Techniques, 6.4). Squares are taken of parts of 1, whose sums overflow nothing.
residuals as (

    select
        {% for column in key %}people.{{ column }},
        {% endfor %}
        (people.numerator - averaged.value * people.denominator) / averaged.scale as residual,
        (people.weight - averaged.mean_weight * people.weighed) / averaged.weight_scale as weight_residual,
        people.weight / nullif(averaged.largest_weight, 0) as relative_weight
    from people
    inner join averaged
        on people.source = averaged.source
            and people.policy = averaged.policy
            and people.period = averaged.period
            and people.kind = averaged.kind
            and people.estimator = averaged.estimator

),

spreads as (

    select
        {{ key | join(', ') }},
        {{ kindred.wide_sum('residual * residual', scale=20) }} as squares,
        {{ kindred.wide_sum('weight_residual * weight_residual', scale=20) }} as weight_squares,
        {{ kindred.wide_sum('relative_weight', scale=20) }} as relative_weights,
        {{ kindred.wide_sum('relative_weight * relative_weight', scale=20) }} as relative_squares
    from residuals
    group by {{ key | join(', ') }}

),

final as (

    select
        {% for column in key %}averaged.{{ column }},
        {% endfor %}
        averaged.value,
        averaged.n_people,
        averaged.n_lists,
        averaged.unsupported_share,
        averaged.scale / abs(averaged.denominators) * sqrt(spreads.squares)
        * sqrt(averaged.n_people / nullif(averaged.n_people - 1.0e0, 0)) as standard_error,
        averaged.mean_weight,
        averaged.weight_scale / averaged.n_weighed * sqrt(spreads.weight_squares)
        * sqrt(averaged.n_people / nullif(averaged.n_people - 1.0e0, 0)) as weight_error,
        coalesce(spreads.relative_weights * spreads.relative_weights / nullif(spreads.relative_squares, 0), 0)
            as effective_people,
        coalesce(1 / nullif(spreads.relative_weights, 0), 1) as max_weight_share
    from averaged
    inner join spreads
        on averaged.source = spreads.source
            and averaged.policy = spreads.policy
            and averaged.period = spreads.period
            and averaged.kind = spreads.kind
            and averaged.estimator = spreads.estimator

)

select * from final
