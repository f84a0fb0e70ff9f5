-- one row per usable event that somebody did
-- Exposures say what was shown in an experiment, sends what was written to somebody: nobody did them, so they change no
-- session and no feature (exposure_events, send_events).
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
    traffic_rule,
    traffic
from {{ ref('checked_events') }}
where rejection_reason is null
    and event_type not in ('exposure', 'send')
