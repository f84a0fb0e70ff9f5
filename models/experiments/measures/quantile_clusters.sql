-- one row per (experiment_id, metric, arm) whose units are a person with an item: how much wider people make the error
-- What a person does with one item tells of the others: the variance of the share of units up to the quantile, by
-- people as a ratio of sums, over that of as many independent units (A. Deng, U. Knoblich, J. Lu, KDD 2018, section 4).
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with ranks as (select * from {{ ref('quantile_ranks') }}),

-- A unit without an event has no row, and 0.
counted as (

    select
        unit_values.experiment_id,
        unit_values.metric,
        unit_values.arm,
        unit_values.subject_id,
        count(*) as n_given,
        sum(case when unit_values.y <= ranks.value then 1 else 0 end) as n_low
    from {{ ref('unit_values') }} as unit_values
    inner join ranks
        on unit_values.experiment_id = ranks.experiment_id
            and unit_values.metric = ranks.metric
            and unit_values.arm = ranks.arm
    where unit_values.unit = 'user_item'
    group by
        unit_values.experiment_id,
        unit_values.metric,
        unit_values.arm,
        unit_values.subject_id

),

people as (

    select
        ranks.experiment_id,
        ranks.metric,
        ranks.arm,
        people.n_units as d,
        coalesce(counted.n_low, 0)
        + case when ranks.value >= 0 then people.n_units - coalesce(counted.n_given, 0) else 0 end as y
    from ranks
    inner join {{ ref('experiment_periods') }} as periods
        on ranks.experiment_id = periods.experiment_id
            and periods.unit = 'user_item'
    inner join {{ ref('checked_metrics') }} as metrics
        on ranks.metric = metrics.metric
    inner join {{ ref('exposed_people') }} as people
        on ranks.experiment_id = people.experiment_id
            and ranks.arm = people.arm
            and metrics.window_days = people.window_days
    left join counted
        on ranks.experiment_id = counted.experiment_id
            and ranks.metric = counted.metric
            and ranks.arm = counted.arm
            and people.subject_id = counted.subject_id

),

sums as (

    select
        experiment_id,
        metric,
        arm,
        cast(count(*) as double) as n,
        cast(sum(y) as double) as sum_y,
        cast(sum(d) as double) as sum_d,
        cast(sum(y * y) as double) as sum_y2,
        cast(sum(d * d) as double) as sum_d2,
        cast(sum(y * d) as double) as sum_yd
    from people
    group by
        experiment_id,
        metric,
        arm

),

final as (

    select
        experiment_id,
        metric,
        arm,
        sqrt(
            greatest({{ kindred.ratio_covariance('', 'yd', 'yd') | indent(12) }}, 0) / n
            / nullif(sum_y / sum_d * (1.0e0 - sum_y / sum_d) / sum_d, 0)
        ) as inflation
    from sums

)

select * from final
