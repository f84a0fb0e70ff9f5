-- one row per (experiment_id, day, arm, segment_by, segment, metric): effects, intervals and p, adjusted for how many
{{ config(enabled=kindred.has_experiments()) }}

{% set alpha = kindred.setting('experiments', 'alpha') | float %}
{% set power = kindred.setting('experiments', 'power') | float %}
{#- What is adjusted together: the metrics that decide, of all arms, on a day; each kind of segment for itself. -#}
{% set family = "experiment_id, day, segment_by, is_guardrail" %}

with compared_arms as (select * from {{ ref('compared_arms') }}),

metrics as (select * from {{ ref('checked_metrics') }} where problem is null),

periods as (select * from {{ ref('experiment_periods') }}),

effects as (

    select
        compared_arms.*,
        metrics.is_guardrail,
        metrics.higher_is_better,
        metrics.statistic,
        {{ kindred.normal_quantile(kindred.number_literal(1 - alpha / 2)) }} as z_alpha,
        {{ kindred.normal_quantile(kindred.number_literal(power)) }} as z_power,
        -- Without a plan the sequence is narrowest at 5,000 people: a number that never changes.
        coalesce(periods.planned_people, 5000.0e0) as planned,
        cast(compared_arms.n_control + compared_arms.n as double) as n_both,
        compared_arms.treatment - compared_arms.control as effect,
        -- From 100 people per arm on a mean is normal enough; a metric that is the same for all has no error.
        case
            when compared_arms.n_control >= 100 and compared_arms.n >= 100
                and compared_arms.treatment - compared_arms.control is not null
                then nullif(sqrt(compared_arms.control_square + compared_arms.treatment_square), 0)
        end as standard_error,
        case
            when compared_arms.control > 0 and compared_arms.treatment > 0
                and compared_arms.n_control >= 100 and compared_arms.n >= 100
                then sqrt(
                        compared_arms.control_square / (compared_arms.control * compared_arms.control)
                        + compared_arms.treatment_square / (compared_arms.treatment * compared_arms.treatment)
                    )
        end as log_error
    from compared_arms
    inner join metrics
        on compared_arms.metric = metrics.metric
    inner join periods
        on compared_arms.experiment_id = periods.experiment_id

),

tested as (

    select
        *,
        {{ kindred.two_sided_p('z') | indent(8) }} as p,
        {{ kindred.sequence_half_width('standard_error', 'n_both', 'planned') | indent(8) }} as half_width,
        min({{ kindred.sequence_p('z', 'n_both', 'planned') | indent(8) }}) over (
            partition by experiment_id, arm, segment_by, segment, metric
            order by day
            rows between unbounded preceding and current row
        ) as sequential_p
    from (
        select
            *,
            effect / standard_error as z
        from effects
    ) as scored

),

{{ kindred.adjusted_p('tested', family, ['p', 'sequential_p'], 'arm, segment, metric') }},

final as (

    select
        experiment_id,
        day,
        arm,
        segment_by,
        segment,
        metric,
        n_control,
        n,
        n_positive,
        control,
        treatment,
        effect,
        standard_error,
        effect - z_alpha * standard_error as lower,
        effect + z_alpha * standard_error as upper,
        case when log_error is not null then treatment / control - 1.0e0 end as lift,
        treatment / control * exp(-z_alpha * log_error) - 1.0e0 as lift_lower,
        treatment / control * exp(z_alpha * log_error) - 1.0e0 as lift_upper,
        p,
        -- Harm is not missed for the sake of the other metrics.
        case when is_guardrail then p else p_holm end as p_adjusted,
        case when is_guardrail then p else p_bh end as p_adjusted_bh,
        effect - half_width as sequential_lower,
        effect + half_width as sequential_upper,
        sequential_p,
        case when is_guardrail then sequential_p else sequential_p_holm end as sequential_p_adjusted,
        theta,
        n_left_out,
        n_winsorized,
        (z_alpha + z_power) * standard_error as mde,
        z_before,
        is_guardrail,
        higher_is_better,
        statistic
    from adjusted

)

select * from final
