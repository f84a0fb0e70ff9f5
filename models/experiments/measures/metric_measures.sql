-- one row per (measure_id, event_type): what metrics count, each kind of it once
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with metrics as (select * from {{ ref('checked_metrics') }} where problem is null),

event_types as (select event_type from {{ ref('known_event_types') }} where event_type not in ('exposure', 'send')),

measures as (

    select
        event_type as measure,
        window_days,
        covariate_days,
        max(case when 'orders' in (numerator, coalesce(denominator, '')) then 1 else 0 end) = 1 as has_orders,
        row_number() over (order by event_type, window_days, covariate_days) as measure_id
    from metrics
    group by
        event_type,
        window_days,
        covariate_days

),

final as (

    select
        measures.measure_id,
        measures.measure,
        measures.window_days,
        measures.covariate_days,
        measures.has_orders,
        coalesce(event_types.event_type, measures.measure) as event_type
    from measures
    left join event_types
        on measures.measure = '*'

)

select * from final
