-- one row per (experiment_id, day, arm, segment_by, segment, metric): the sums of an arm beside those of its control
-- Every metric is a ratio of sums over people; of a mean the denominator is the number of the people's units. c_ = of
-- the control, t_ = of the arm, p_ = of both. Experiments whose shares follow results are compared by bandit_effects.
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

{% set columns = ['n'] + kindred.moment_sums().keys() | list %}

with cumulated_arms as (select * from {{ ref('cumulated_arms') }}),

metrics as (select * from {{ ref('checked_metrics') }} where problem is null),

controls as (

    select
        arms.experiment_id,
        min(arms.arm) as arm
    from {{ ref('checked_arms') }} as arms
    inner join {{ ref('experiment_periods') }} as periods
        on arms.experiment_id = periods.experiment_id
    where arms.is_control
        and periods.allocation = 'fixed'
    group by arms.experiment_id

),

final as (

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

)

select * from final
