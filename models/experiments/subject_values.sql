-- one row per (experiment_id, metric, arm, subject_id) with events: a subject's numerator, denominator and covariate
-- In millionths, as whole numbers: sums of their squares are then exact. y by d is the metric, x by e the same before
-- the first exposure. For a mean d and e are the subject's units.

with metrics as (select * from {{ ref('checked_metrics') }} where problem is null),

measures as (select * from {{ ref('subject_measures') }}),

people as (select * from {{ ref('exposed_people') }}),

counted as (

    select
        measures.experiment_id,
        metrics.metric,
        measures.arm,
        measures.subject_id,
        metrics.winsorize_at,
        people.exposed_on,
        people.segment,
        people.activity,
        people.n_units,
        -- Sums beyond 10^11 would overflow their squares.
        {{ kindred.metric_word('metrics.numerator', 'measures.') | indent(8) }} as y,
        case when metrics.statistic = 'ratio' then {{ kindred.metric_word('metrics.denominator', 'measures.') | indent(8) }} end as d,
        {{ kindred.metric_word('metrics.numerator', 'measures.before_') | indent(8) }} as x,
        case
            when metrics.statistic = 'ratio' then {{ kindred.metric_word('metrics.denominator', 'measures.before_') | indent(8) }}
        end as e
    from measures
    inner join metrics
        on measures.measure = metrics.event_type
            and measures.window_days = metrics.window_days
            and measures.covariate_days = metrics.covariate_days
    inner join people
        on measures.experiment_id = people.experiment_id
            and measures.arm = people.arm
            and measures.subject_id = people.subject_id
            and measures.window_days = people.window_days

),

-- Nearest rank over all exposed people of all arms: those without an event have 0.
sizes as (

    select
        experiment_id,
        window_days,
        count(*) as n
    from people
    group by
        experiment_id,
        window_days

),

distinct_values as (

    select
        experiment_id,
        metric,
        winsorize_at,
        y,
        count(*) as n
    from counted
    where winsorize_at is not null
    group by
        experiment_id,
        metric,
        winsorize_at,
        y

),

with_zeros as (

    select
        experiment_id,
        metric,
        winsorize_at,
        y,
        n
    from distinct_values

    union all

    select
        found.experiment_id,
        found.metric,
        found.winsorize_at,
        0.0e0 as y,
        sizes.n - found.n as n
    from (
        select
            experiment_id,
            metric,
            winsorize_at,
            sum(n) as n
        from distinct_values
        group by
            experiment_id,
            metric,
            winsorize_at
    ) as found
    inner join metrics
        on found.metric = metrics.metric
    inner join sizes
        on found.experiment_id = sizes.experiment_id
            and metrics.window_days = sizes.window_days

),

ranked as (

    select
        experiment_id,
        metric,
        y,
        sum(n) over (partition by experiment_id, metric order by y rows between unbounded preceding and current row)
            as n_up_to,
        ceil(winsorize_at * sum(n) over (partition by experiment_id, metric) - 1.0e-6) as cap_rank
    from with_zeros

),

caps as (

    select
        experiment_id,
        metric,
        min(y) as cap
    from ranked
    where n_up_to >= cap_rank
    group by
        experiment_id,
        metric

),

final as (

    select
        counted.experiment_id,
        counted.metric,
        counted.arm,
        counted.subject_id,
        counted.exposed_on,
        counted.segment,
        counted.activity,
        cast(coalesce(least(counted.y, caps.cap), counted.y) * 1e6 as bigint) as y,
        cast(coalesce(counted.d, counted.n_units) * 1e6 as bigint) as d,
        cast(counted.x * 1e6 as bigint) as x,
        cast(coalesce(counted.e, counted.n_units) * 1e6 as bigint) as e,
        counted.d is null as is_mean,
        coalesce(counted.y > caps.cap, false) as is_winsorized
    from counted
    left join caps
        on counted.experiment_id = caps.experiment_id
            and counted.metric = caps.metric

)

select * from final
