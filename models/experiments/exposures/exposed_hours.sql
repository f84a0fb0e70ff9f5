-- one row per (experiment_id, arm, segment_by, segment, hour_at): units that were exposed first in an hour
-- By the hour: shares change with a build, and a few units more or less of that hour change nothing.
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with exposures as (select * from {{ ref('exposures') }}),

segments as (select * from {{ ref('exposed_units') }}),

hours as (

    select
        exposures.experiment_id,
        exposures.arm,
        coalesce(segments.segment, 'unknown') as segment,
        coalesce(segments.activity, 'unknown') as activity,
        date_trunc('hour', exposures.first_exposed_at) as hour_at,
        count(*) as n
    from exposures
    left join segments
        on exposures.experiment_id = segments.experiment_id
            and exposures.unit_id = segments.unit_id
    group by
        exposures.experiment_id,
        exposures.arm,
        coalesce(segments.segment, 'unknown'),
        coalesce(segments.activity, 'unknown'),
        date_trunc('hour', exposures.first_exposed_at)

),

final as (

    select
        hours.experiment_id,
        hours.arm,
        kinds.segment_by,
        case kinds.segment_by when 'segment' then hours.segment when 'activity' then hours.activity else '' end
            as segment,
        hours.hour_at,
        sum(hours.n) as n
    from hours
    cross join (
        select '' as segment_by
        union all
        select 'segment' as segment_by
        union all
        select 'activity' as segment_by
    ) as kinds
    group by
        hours.experiment_id,
        hours.arm,
        kinds.segment_by,
        case kinds.segment_by when 'segment' then hours.segment when 'activity' then hours.activity else '' end,
        hours.hour_at

)

select * from final
