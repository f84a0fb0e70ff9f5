-- one row per (measure, event_type): the events that metrics count, each kind of them counted once
{{ config(materialized='view') }}

with metrics as (select * from {{ ref('checked_metrics') }} where problem is null),

event_types as (select event_type from {{ ref('known_event_types') }} where event_type <> 'exposure'),

measures as (

    select
        event_type as measure,
        window_days,
        covariate_days
    from metrics
    group by
        event_type,
        window_days,
        covariate_days

),

final as (

    select
        measures.measure,
        measures.window_days,
        measures.covariate_days,
        coalesce(event_types.event_type, measures.measure) as event_type
    from measures
    left join event_types
        on measures.measure = '*'

)

select * from final
