-- one row per (experiment_id, metric): the effect that an experiment can find, and how long it takes
-- Quantiles are not planned.
{{ config(enabled=kindred.has_experiments()) }}

{% set alpha = kindred.setting('experiments', 'alpha') | float %}
{% set power = kindred.setting('experiments', 'power') | float %}

with bases as (select * from {{ ref('plan_bases') }}),

periods as (select * from {{ ref('experiment_periods') }}),

experiments as (select * from {{ ref('checked_experiments') }}),

first_and_last as (

    select
        experiment_id,
        cast(count(*) as double) as n,
        min(first_exposed_at) as first_at,
        max(first_exposed_at) as last_at
    from {{ ref('exposures') }}
    group by experiment_id

),

-- Of several arms the smallest decides how long it takes.
shares as (

    select
        experiment_id,
        max(case when is_control then share end) as control_share,
        min(case when not is_control and share > 0 then share end) as share
    from {{ ref('checked_arms') }}
    group by experiment_id

),

paces as (

    select
        experiment_id,
        n / ({{ dbt.datediff('first_at', 'last_at', 'day') }} + 1) as people_per_day  -- noqa: LT05
    from first_and_last

),

planned as (

    select
        bases.experiment_id,
        bases.metric,
        bases.n,
        bases.base_mean,
        bases.base_sd,
        shares.control_share,
        shares.share,
        -- People of the two arms that are compared.
        coalesce(
            paces.people_per_day, cast(bases.n as double) / 28 * (experiments.layer_to - experiments.layer_from)
        ) * (shares.control_share + shares.share) as people_per_day,
        periods.planned_people as declared_people
    from bases
    inner join periods
        on bases.experiment_id = periods.experiment_id
    inner join experiments
        on bases.experiment_id = experiments.experiment_id
    inner join shares
        on bases.experiment_id = shares.experiment_id
    left join paces
        on bases.experiment_id = paces.experiment_id

),

sized as (

    select
        *,
        declared_people is not null as is_declared,
        coalesce(declared_people, ceil(people_per_day * 28)) as planned_people,
        {{ kindred.normal_quantile(kindred.number_literal(1 - alpha / 2)) }}
        + {{ kindred.normal_quantile(kindred.number_literal(power)) }} as z
    from planned

),

final as (

    select
        experiment_id,
        metric,
        cast(n as bigint) as n_people,
        base_mean,
        base_sd,
        people_per_day,
        planned_people,
        is_declared,
        z * base_sd * sqrt(
            (control_share + share) / planned_people * (1.0e0 / control_share + 1.0e0 / share)
        ) as mde,
        z * base_sd * sqrt(
            (control_share + share) / planned_people * (1.0e0 / control_share + 1.0e0 / share)
        ) / nullif(abs(base_mean), 0) as mde_lift,
        planned_people / nullif(people_per_day, 0) as days_needed
    from sized

)

select * from final
