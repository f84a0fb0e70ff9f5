-- one row per event of any tracker, in the shape of the input `events`
{{ config(materialized='view', enabled=(kindred.named_trackers() | length > 0)) }}

select
    event_id,
    user_id,
    anonymous_id,
    session_id,
    event_type,
    item_id,
    occurred_at,
    quantity,
    value,
    order_id,
    list_id,
    position,
    query,
    traffic,
    user_agent,
    host,
    ip_address
from {{ ref('tracker_fates') }}
where fate is null
