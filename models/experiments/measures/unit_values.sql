-- one row per (experiment_id, metric, unit_id) with events: a unit's numerator, denominator, and the same before
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with metrics as (

    select
        checked_metrics.*,
        measures.measure_id
    from {{ ref('checked_metrics') }} as checked_metrics
    inner join (
        select
            measure_id,
            measure,
            window_days,
            covariate_days
        from {{ ref('metric_measures') }}
        group by
            measure_id,
            measure,
            window_days,
            covariate_days
    ) as measures
        on checked_metrics.event_type = measures.measure
            and checked_metrics.window_days = measures.window_days
            and checked_metrics.covariate_days = measures.covariate_days
    where checked_metrics.problem is null

),

final as (

    select
        units.experiment_id,
        metrics.metric,
        metrics.statistic,
        metrics.window_days,
        metrics.winsorize_at,
        units.unit_id,
        units.unit,
        units.arm,
        units.subject_id,
        units.exposed_on,
        units.segment,
        units.activity,
        {{ kindred.metric_word('metrics.numerator', 'measures.') | indent(8) }} as y,
        {{ kindred.metric_word('metrics.denominator', 'measures.') | indent(8) }} as d,
        {{ kindred.metric_word('metrics.numerator', 'measures.before_') | indent(8) }} as x,
        {{ kindred.metric_word('metrics.denominator', 'measures.before_') | indent(8) }} as e
    from {{ ref('unit_measures') }} as measures
    inner join metrics
        on measures.measure_id = metrics.measure_id
    inner join {{ ref('exposed_units') }} as units
        on measures.experiment_id = units.experiment_id
            and measures.unit_id = units.unit_id

)

select * from final
