-- one row per (source, fate): how many raw rows of each tracker were used, and what became of the others
-- A raw row is used if one of its events is; else it has the first reason of forgotten, duplicate, seen elsewhere,
-- unmapped, rejected.
{{ config(enabled=(kindred.named_trackers() | length > 0)) }}

with rejected as (

    select event_id
    from {{ ref('rejected_events') }}
    group by event_id

),

fated as (

    select
        fates.source,
        fates.row_id,
        fates.occurrence,
        case
            when fates.fate = 'forgotten' then 2
            when fates.fate = 'duplicate' then 3
            when fates.fate = 'seen_elsewhere' then 4
            when fates.fate = 'unmapped' then 5
            when rejected.event_id is not null then 6
            else 1
        end as place
    from {{ ref('tracker_fates') }} as fates
    left join rejected
        on fates.event_id = rejected.event_id

),

raw_rows as (

    select
        source,
        row_id,
        occurrence,
        min(place) as place
    from fated
    group by
        source,
        row_id,
        occurrence

),

final as (

    select
        source,
        case place
            when 1 then 'used'
            when 2 then 'forgotten'
            when 3 then 'duplicate'
            when 4 then 'seen_elsewhere'
            when 5 then 'unmapped'
            else 'rejected'
        end as fate,
        count(*) as n_rows
    from raw_rows
    group by
        source,
        place

)

select * from final
