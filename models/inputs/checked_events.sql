-- one row per row of the raw events, with the reason why it can't be used, or null
-- `events` and `rejected_events` are the two halves of it: no row can be in both or in neither.
-- A view: reading the raw table again costs less than writing all its columns once more (at 20 million events a tenth),
-- and what the build goes on with is person_events.
{{ config(materialized='view') }}

-- typed_events is named twice on purpose: behind one shared CTE it would be held in memory as a whole.
with repeated_event_ids as (select * from {{ ref('repeated_event_ids') }}),

unrepeated as (

    select
        typed_events.*,
        1 as occurrence
    from {{ ref('typed_events') }} as typed_events
    left join repeated_event_ids
        on typed_events.event_id = repeated_event_ids.event_id
    where typed_events.rejection_reason is not null
        or repeated_event_ids.event_id is null

),

-- Only the repeated ids are sorted: a window over all events would cost more than everything else here.
repeated as (

    select
        typed_events.*,
        row_number() over (
            partition by typed_events.event_id
            order by
                typed_events.occurred_at,
                typed_events.user_id nulls last,
                typed_events.anonymous_id nulls last,
                typed_events.event_type,
                typed_events.item_id nulls last,
                typed_events.quantity nulls last,
                typed_events.value nulls last,
                typed_events.session_id nulls last,
                typed_events.order_id nulls last,
                typed_events.list_id nulls last,
                typed_events.position nulls last,
                typed_events.query nulls last,
                typed_events.properties nulls last,
                typed_events.traffic_rule nulls last
        ) as occurrence
    from {{ ref('typed_events') }} as typed_events
    inner join repeated_event_ids
        on typed_events.event_id = repeated_event_ids.event_id
    where typed_events.rejection_reason is null

),

all_rows as (

    select * from unrepeated
    union all
    select * from repeated

),

final as (

    select
        event_id,
        user_id,
        anonymous_id,
        session_id,
        item_id,
        order_id,
        list_id,
        event_type,
        query,
        properties,
        quantity,
        value,
        cast(position as bigint) as position,
        is_refund,
        occurred_at,
        traffic_rule,
        traffic,
        case when occurrence > 1 then 'duplicate_event_id' else rejection_reason end as rejection_reason,
        case rejection_reason
            when 'invalid_time' then occurred_at_text
            when 'invalid_quantity' then quantity_text
            when 'invalid_value' then value_text
            when 'invalid_position' then position_text
            when 'too_early' then cast(occurred_at as varchar)
            when 'in_future' then cast(occurred_at as varchar)
            when 'unknown_event_type' then event_type
        end as rejected_text
    from all_rows

)

select * from final
