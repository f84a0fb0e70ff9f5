-- one row per usable event of somebody who may be addressed, under the id of the person
-- The first table with a row per event, and the last: whatever reads events from here on reads this one.
-- identified_events is named twice on purpose: behind one shared CTE it would be held in memory as a whole.
-- Where the tracker names no session, silence on the device ends one. Only such events are sorted.
with gaps as (

    select
        *,
        {{ kindred.starts_session('occurred_at', 'device_id') | indent(8) }} as is_start
    from {{ ref('identified_events') }}
    where session_id is null

),

-- Such a session is named after its number, which later events can't change.
numbered as (

    select
        *,
        cast(sum(is_start) over (
            partition by device_id order by occurred_at, is_start desc
            rows between unbounded preceding and current row
        ) as bigint) as session_number
    from gaps

),

final as (

    select
        user_id,
        session_id,
        order_id,
        item_id,
        event_type,
        value,
        occurred_at
    from {{ ref('identified_events') }}
    where session_id is not null

    union all

    select
        user_id,
        concat(device_id, '#', cast(session_number as varchar)) as session_id,
        order_id,
        item_id,
        event_type,
        value,
        occurred_at
    from numbered

)

select * from final
