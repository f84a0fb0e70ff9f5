-- one row per (account_id, moment, signal): what a signal adds to the log odds that the account cancels
-- They add up: log odds = base + intercept of risk_scales + contributions. A class that was never seen adds nothing.
with signals as (select * from {{ ref('account_signals') }}),

weights as (select * from {{ ref('signal_weights') }}),

scales as (select * from {{ ref('risk_scales') }}),

final as (

    select
        signals.account_id,
        signals.moment,
        signals.signal,
        signals.value,
        signals.sentence,
        round(scales.slope * coalesce(weights.weight, 0), 4) as contribution,
        cast(row_number() over (
            partition by signals.account_id, signals.moment
            order by round(scales.slope * coalesce(weights.weight, 0), 4) desc, signals.signal
        ) as bigint) as rank
    from signals
    inner join scales
        on signals.moment = scales.moment
    left join weights
        on signals.moment = weights.moment
            and signals.signal = weights.signal
            and signals.bin = weights.bin

)

select * from final
