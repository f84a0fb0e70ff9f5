-- one row per (source, event_name, reason, day): raw rows of which no event was made
{{ config(enabled=(kindred.named_trackers() | length > 0)) }}

with fates as (

    select *
    from {{ ref('tracker_fates') }}
    where fate in ('unmapped', 'seen_elsewhere')
        and (product_number = 0 or reason <> 'no_event_type')

),

final as (

    select
        source,
        event_name,
        reason,
        cast(occurred_at as date) as day,
        reason = 'no_event_type'
        and {{ kindred.matches_part('event_name', 'product|cart|order|item|checkout') }} as look_at_this,
        count(*) as n_rows
    from fates
    group by
        source,
        event_name,
        reason,
        cast(occurred_at as date)

)

select * from final
