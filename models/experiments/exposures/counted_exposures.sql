-- one row per (experiment_id, unit_id): whose outcomes count, and until when, in an experiment or to plan one (arm '')
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with counted as (

    select
        experiment_id,
        unit,
        unit_id,
        user_id,
        item_id,
        arm,
        first_exposed_at
    from {{ ref('exposures') }}

    union all

    select
        experiment_id,
        'user' as unit,
        user_id as unit_id,
        user_id,
        null as item_id,
        '' as arm,
        first_exposed_at
    from {{ ref('planned_exposures') }}

),

final as (

    select
        counted.*,
        periods.as_of,
        coalesce(least(periods.ends_at, periods.as_of), periods.as_of) as ends_at
    from counted
    inner join {{ ref('experiment_periods') }} as periods
        on counted.experiment_id = periods.experiment_id

)

select * from final
