-- one row per (experiment_id, day, arm, segment_by, segment, metric): an arm beside its control, adjusted by covariates
{{ config(enabled=kindred.has_experiments()) }}

with pairs as (select * from {{ ref('paired_arms') }}),

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
        0 as n_left_out,
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
        experiment_id,
        day,
        arm,
        segment_by,
        segment,
        metric,
        n_control,
        n,
        n_left_out,
        control,
        treatment,
        control_square,
        treatment_square,
        0.0e0 as theta,
        n_winsorized,
        n_positive,
        null as z_before
    from {{ ref('bandit_effects') }}

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
        0 as n_left_out,
        control.value as control,
        treatment.value as treatment,
        control.standard_error * control.standard_error as control_square,
        treatment.standard_error * treatment.standard_error as treatment_square,
        0.0e0 as theta,
        0 as n_winsorized,
        null as n_positive,
        null as z_before
    from {{ ref('arm_quantiles') }} as treatment
    inner join {{ ref('checked_arms') }} as arms
        on treatment.experiment_id = arms.experiment_id
            and arms.is_control
            and treatment.arm <> arms.arm
    inner join {{ ref('arm_quantiles') }} as control
        on arms.experiment_id = control.experiment_id
            and arms.arm = control.arm
            and treatment.metric = control.metric

)

select * from final
