-- one row per (experiment_id, metric) that is winsorised: the value at which a unit's numerator is cut
-- Nearest rank over all exposed people of all arms: those without an event have 0. Of a ratio the numerator alone is
-- cut, over the same people: another denominator could turn the sign of an effect.
{{ config(enabled=kindred.has_experiments()) }}

with unit_values as (select * from {{ ref('unit_values') }} where winsorize_at is not null),

distinct_values as (

    select
        experiment_id,
        metric,
        window_days,
        winsorize_at,
        y,
        count(*) as n
    from unit_values
    group by
        experiment_id,
        metric,
        window_days,
        winsorize_at,
        y

),

sizes as (

    select
        experiment_id,
        window_days,
        sum(n_units) as n
    from {{ ref('exposed_people') }}
    group by
        experiment_id,
        window_days

),

found as (

    select
        experiment_id,
        metric,
        window_days,
        winsorize_at,
        sum(n) as n
    from distinct_values
    group by
        experiment_id,
        metric,
        window_days,
        winsorize_at

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
    from found
    inner join sizes
        on found.experiment_id = sizes.experiment_id
            and found.window_days = sizes.window_days

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

final as (

    select
        experiment_id,
        metric,
        min(y) as cap
    from ranked
    where n_up_to >= cap_rank
    group by
        experiment_id,
        metric

)

select * from final
