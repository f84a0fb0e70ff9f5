-- one row per (experiment_id, metric, arm): the quantile of an arm's people, and its error
-- The error is half of the interval between the ranks that enclose the quantile's, by the normal approximation of the
-- binomial: A. Deng, U. Knoblich, J. Lu, "Applying the delta method in metric analytics", KDD 2018.
{{ config(enabled=kindred.has_experiments()) }}

{% set alpha = kindred.setting('experiments', 'alpha') | float %}

with metrics as (

    select
        checked_metrics.*,
        {{ kindred.normal_quantile(kindred.number_literal(1 - alpha / 2)) }} as z
    from {{ ref('checked_metrics') }} as checked_metrics
    where checked_metrics.problem is null
        and checked_metrics.statistic = 'quantile'

),

sizes as (

    select
        people.experiment_id,
        people.arm,
        metrics.metric,
        metrics.quantile,
        metrics.z,
        max(people.exposed_on) as day,
        cast(count(*) as double) as n
    from {{ ref('exposed_people') }} as people
    inner join metrics
        on people.window_days = metrics.window_days
    group by
        people.experiment_id,
        people.arm,
        metrics.metric,
        metrics.quantile,
        metrics.z

),

distinct_values as (

    select
        subject_values.experiment_id,
        subject_values.metric,
        subject_values.arm,
        subject_values.y,
        count(*) as n
    from {{ ref('subject_values') }} as subject_values
    inner join metrics
        on subject_values.metric = metrics.metric
    group by
        subject_values.experiment_id,
        subject_values.metric,
        subject_values.arm,
        subject_values.y

),

found as (

    select
        experiment_id,
        metric,
        arm,
        sum(n) as n
    from distinct_values
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
    from distinct_values

    union all

    select
        sizes.experiment_id,
        sizes.metric,
        sizes.arm,
        0 as y,
        sizes.n - coalesce(found.n, 0) as n
    from sizes
    left join found
        on sizes.experiment_id = found.experiment_id
            and sizes.metric = found.metric
            and sizes.arm = found.arm

),

ranked as (

    select
        *,
        sum(n) over (
            partition by experiment_id, metric, arm order by y rows between unbounded preceding and current row
        ) as n_up_to
    from with_zeros

),

ranks as (

    select
        *,
        ceil(n * quantile - 1.0e-9) as place,
        floor(n * quantile - z * sqrt(n * quantile * (1.0e0 - quantile))) as lower_place,
        ceil(n * quantile + z * sqrt(n * quantile * (1.0e0 - quantile))) as upper_place
    from sizes

),

read as (

    select
        ranks.experiment_id,
        ranks.metric,
        ranks.arm,
        ranks.day,
        ranks.n,
        ranks.z,
        min(case when ranked.n_up_to >= ranks.place then ranked.y end) / 1e6 as value,
        min(case when ranked.n_up_to >= ranks.lower_place and ranks.lower_place >= 1 then ranked.y end) / 1e6
            as lower_value,
        min(case when ranked.n_up_to >= ranks.upper_place then ranked.y end) / 1e6 as upper_value
    from ranks
    inner join ranked
        on ranks.experiment_id = ranked.experiment_id
            and ranks.metric = ranked.metric
            and ranks.arm = ranked.arm
    group by
        ranks.experiment_id,
        ranks.metric,
        ranks.arm,
        ranks.day,
        ranks.n,
        ranks.z

),

final as (

    select
        experiment_id,
        metric,
        arm,
        day,
        cast(n as bigint) as n,
        value,
        -- No interval of ranks fits into so few people, or all of it is one value.
        case when lower_value < upper_value then (upper_value - lower_value) / (2.0e0 * z) end as standard_error
    from read

)

select * from final
