-- one row per usable event of the type exposure: what was shown to whom in an experiment
{{ config(materialized='view') }}

select
    event_id,
    user_id,
    anonymous_id,
    item_id,
    properties,
    occurred_at,
    traffic
from {{ ref('checked_events') }}
where rejection_reason is null
    and event_type = 'exposure'
