-- one row per (experiment_id, metric, arm, y): how many units of an arm have a value of a quantile's metric, zeros in
-- y in millionths. A unit without an event has 0.
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with metrics as (select * from {{ ref('checked_metrics') }} where problem is null and statistic = 'quantile'),

sizes as (

    select
        people.experiment_id,
        people.arm,
        metrics.metric,
        metrics.quantile,
        max(people.exposed_on) as day,
        cast(sum(people.n_units) as double) as n_all
    from {{ ref('exposed_people') }} as people
    inner join metrics
        on people.window_days = metrics.window_days
    group by
        people.experiment_id,
        people.arm,
        metrics.metric,
        metrics.quantile

),

given as (

    select
        experiment_id,
        metric,
        arm,
        cast(y * 1e6 as bigint) as y,
        count(*) as n
    from {{ ref('unit_values') }}
    where statistic = 'quantile'
    group by
        experiment_id,
        metric,
        arm,
        cast(y * 1e6 as bigint)

),

found as (

    select
        experiment_id,
        metric,
        arm,
        sum(n) as n
    from given
    group by
        experiment_id,
        metric,
        arm

),

with_zeros as (

    select
        experiment_id,
        metric,
        arm,
        y,
        n
    from given

    union all

    select
        sizes.experiment_id,
        sizes.metric,
        sizes.arm,
        0 as y,
        sizes.n_all - coalesce(found.n, 0) as n
    from sizes
    left join found
        on sizes.experiment_id = found.experiment_id
            and sizes.metric = found.metric
            and sizes.arm = found.arm

),

final as (

    select
        sizes.experiment_id,
        sizes.metric,
        sizes.arm,
        sizes.day,
        sizes.quantile,
        sizes.n_all,
        with_zeros.y,
        with_zeros.n,
        sum(with_zeros.n) over (
            partition by sizes.experiment_id, sizes.metric, sizes.arm
            order by with_zeros.y
            rows between unbounded preceding and current row
        ) as n_up_to
    from with_zeros
    inner join sizes
        on with_zeros.experiment_id = sizes.experiment_id
            and with_zeros.metric = sizes.metric
            and with_zeros.arm = sizes.arm

)

select * from final
