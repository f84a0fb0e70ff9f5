-- one row per raw event that can't be used, with the reason
{{ config(materialized='view') }}

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
    position,
    occurred_at,
    rejection_reason,
    rejected_text
from {{ ref('checked_events') }}
where rejection_reason is not null
