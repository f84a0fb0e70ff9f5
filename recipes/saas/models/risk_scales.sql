-- one row per moment: how the weights of signals make a probability: log odds = base + intercept + slope * their sum
-- Signals tell the same story in part, so their plain sum would be too sure of itself. Intercept and slope are those of
-- a logistic regression on the sum (Platt, 1999), of periods that were over at the moment; a ridge draws them towards 0
-- and 1. Newton's steps, of which eight are enough: the last changes nothing that is shown.
{% set n_steps = 8 %}
{% set ridge = 1 %}

with known as (select * from {{ ref('account_moments') }} where is_cancelled is not null),

signals as (select * from {{ ref('account_signals') }}),

weights as (select * from {{ ref('signal_weights') }}),

bases as (

    select
        moment,
        min(n_learned) as n_learned,
        min(ln(share / (1 - share))) as base
    from weights
    group by moment

),

sums as (

    select
        bases.moment,
        bases.base,
        known.account_id,
        known.moment as learned_at,
        case when known.is_cancelled then 1 else 0 end as target,
        {{ kindred.exact_sum('weights.weight') }} as total
    from bases
    inner join known
        on bases.moment >= known.known_at
    inner join signals
        on known.account_id = signals.account_id
            and known.moment = signals.moment
    inner join weights
        on bases.moment = weights.moment
            and signals.signal = weights.signal
            and signals.bin = weights.bin
    group by
        bases.moment,
        bases.base,
        known.account_id,
        known.moment,
        known.is_cancelled

),

step_0 as (

    select
        moment,
        cast(0 as double) as intercept,
        cast(1 as double) as slope
    from bases

),

{% for step in range(1, n_steps + 1) -%}
guesses_{{ step }} as (

    select
        sums.moment,
        before.intercept,
        before.slope,
        sums.total,
        sums.target,
        1 / (1 + exp(-(sums.base + before.intercept + before.slope * sums.total))) as guess
    from sums
    inner join step_{{ step - 1 }} as before
        on sums.moment = before.moment

),

slopes_{{ step }} as (

    select
        moment,
        intercept,
        slope,
        {{ kindred.exact_sum('target - guess') }} - {{ ridge }} * intercept as gain,
        {{ kindred.exact_sum('(target - guess) * total') }} - {{ ridge }} * (slope - 1) as gain_of_slope,
        {{ kindred.exact_sum('guess * (1 - guess)') }} + {{ ridge }} as bend,
        {{ kindred.exact_sum('guess * (1 - guess) * total') }} as shared_bend,
        {{ kindred.exact_sum('guess * (1 - guess) * total * total') }} + {{ ridge }} as bend_of_slope
    from guesses_{{ step }}
    group by
        moment,
        intercept,
        slope

),

step_{{ step }} as (

    select
        moment,
        intercept + (bend_of_slope * gain - shared_bend * gain_of_slope)
        / (bend * bend_of_slope - shared_bend * shared_bend) as intercept,
        slope + (bend * gain_of_slope - shared_bend * gain)
        / (bend * bend_of_slope - shared_bend * shared_bend) as slope
    from slopes_{{ step }}

),

{% endfor -%}
final as (

    select
        bases.moment,
        bases.n_learned,
        bases.base,
        found.intercept,
        found.slope
    from bases
    inner join step_{{ n_steps }} as found
        on bases.moment = found.moment

)

select * from final
