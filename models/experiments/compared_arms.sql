-- one row per (experiment_id, day, arm, segment_by, segment, metric): an arm beside its control, adjusted by covariates
-- Every metric is a ratio of sums over people; of a mean the denominator is the number of the people's units.
{{ config(enabled=kindred.has_experiments()) }}

{% set columns = ['n'] + kindred.moment_sums().keys() | list %}

with cumulated_arms as (select * from {{ ref('cumulated_arms') }}),

metrics as (select * from {{ ref('checked_metrics') }} where problem is null),

controls as (

    select
        experiment_id,
        min(arm) as arm
    from {{ ref('checked_arms') }}
    where is_control
    group by experiment_id

),

pairs as (

    select
        treatment.experiment_id,
        treatment.day,
        treatment.arm,
        treatment.segment_by,
        treatment.segment,
        treatment.metric,
        {% for column in columns -%}
        cast(control.{{ column }} as double) as c_{{ column }},
        cast(treatment.{{ column }} as double) as t_{{ column }},
        cast(control.{{ column }} + treatment.{{ column }} as double) as p_{{ column }},
        {% endfor -%}
        metrics.covariate_days > 0 as has_covariate,
        treatment.n_winsorized + control.n_winsorized as n_winsorized,
        least(treatment.n_positive, control.n_positive) as n_positive
    from cumulated_arms as treatment
    inner join controls
        on treatment.experiment_id = controls.experiment_id
            and treatment.arm <> controls.arm
    inner join cumulated_arms as control
        on controls.experiment_id = control.experiment_id
            and controls.arm = control.arm
            and treatment.day = control.day
            and treatment.segment_by = control.segment_by
            and treatment.segment = control.segment
            and treatment.metric = control.metric
    inner join metrics
        on treatment.metric = metrics.metric
    -- Only arms with people can be compared.
    where treatment.n > 0
        and control.n > 0

),

-- CUPED: A. Deng, Y. Xu, R. Kohavi, T. Walker, "Improving the sensitivity of online controlled experiments by utilizing
-- pre-experiment data", WSDM 2013; theta of both arms around their common mean.
with_theta as (

    select
        *,
        case
            when has_covariate and c_sum_e > 0 and t_sum_e > 0 and c_sum_d > 0 and t_sum_d > 0
                then coalesce(
                        {{ kindred.ratio_covariance('p_', 'yd', 'xe') | indent(24) }} / nullif(
                            {{ kindred.ratio_covariance('p_', 'xe', 'xe') | indent(28) }}, 0
                        ), 0.0e0
                    )
            else 0.0e0
        end as theta
    from pairs

),

measured as (

    select
        *,
        {% for arm in ['c', 't'] -%}
        {{ arm }}_sum_y / nullif({{ arm }}_sum_d, 0) - coalesce(
            theta * ({{ arm }}_sum_x / nullif({{ arm }}_sum_e, 0) - p_sum_x / nullif(p_sum_e, 0)), 0.0e0
        ) as {{ arm }}_mean,
        {{ kindred.adjusted_square(arm ~ '_') | indent(8) }} as {{ arm }}_square,
        -- The same of the time before, where there is no effect: what pre_period checks.
        {{ kindred.ratio_covariance(arm ~ '_', 'xe', 'xe') | indent(8) }} / {{ arm }}_n as {{ arm }}_square_before,
        {% endfor -%}
        t_sum_x / nullif(t_sum_e, 0) - c_sum_x / nullif(c_sum_e, 0) as effect_before
    from with_theta

),

quantiles as (select * from {{ ref('arm_quantiles') }}),

final as (

    select
        experiment_id,
        day,
        arm,
        segment_by,
        segment,
        metric,
        cast(c_n as bigint) as n_control,
        cast(t_n as bigint) as n,
        c_mean as control,
        t_mean as treatment,
        c_square as control_square,
        t_square as treatment_square,
        theta,
        cast(n_winsorized as bigint) as n_winsorized,
        cast(n_positive as bigint) as n_positive,
        case
            when has_covariate then effect_before / nullif(sqrt(greatest(c_square_before + t_square_before, 0)), 0)
        end as z_before
    from measured

    union all

    select
        treatment.experiment_id,
        treatment.day,
        treatment.arm,
        '' as segment_by,
        '' as segment,
        treatment.metric,
        control.n as n_control,
        treatment.n,
        control.value as control,
        treatment.value as treatment,
        control.standard_error * control.standard_error as control_square,
        treatment.standard_error * treatment.standard_error as treatment_square,
        0.0e0 as theta,
        0 as n_winsorized,
        null as n_positive,
        null as z_before
    from quantiles as treatment
    inner join controls
        on treatment.experiment_id = controls.experiment_id
            and treatment.arm <> controls.arm
    inner join quantiles as control
        on controls.experiment_id = control.experiment_id
            and controls.arm = control.arm
            and treatment.metric = control.metric

)

select * from final
