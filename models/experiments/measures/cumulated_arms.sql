-- one row per (experiment_id, day, arm, segment_by, segment, metric): sums over the people first exposed by then
{{ config(enabled=kindred.has_experiments()) }}

with sums as (select * from {{ ref('experiment_sums') }}),

-- Each arm has a row of each day of the experiment, so that arms can be compared on any.
days as (

    select
        experiment_id,
        metric,
        segment_by,
        segment,
        day
    from sums
    group by
        experiment_id,
        metric,
        segment_by,
        segment,
        day

),

arms as (

    select
        experiment_id,
        arm,
        segment_by,
        segment,
        metric
    from sums
    group by
        experiment_id,
        arm,
        segment_by,
        segment,
        metric

),

final as (

    select
        days.experiment_id,
        days.day,
        arms.arm,
        days.segment_by,
        days.segment,
        {% for column in ['n', 'n_winsorized', 'n_positive'] + kindred.moment_sums().keys() | list -%}
        sum(coalesce(sums.{{ column }}, 0)) over (
            partition by arms.experiment_id, arms.metric, arms.segment_by, arms.segment, arms.arm
            order by days.day
            rows between unbounded preceding and current row
        ) as {{ column }},
        {% endfor -%}
        days.metric
    from days
    inner join arms
        on days.experiment_id = arms.experiment_id
            and days.metric = arms.metric
            and days.segment_by = arms.segment_by
            and days.segment = arms.segment
    left join sums
        on days.experiment_id = sums.experiment_id
            and days.metric = sums.metric
            and days.segment_by = sums.segment_by
            and days.segment = sums.segment
            and arms.arm = sums.arm
            and days.day = sums.day

)

select * from final
