-- one row per usable event of the type send: who was written to, and about which item
{{ config(materialized='view') }}

select
    event_id,
    user_id,
    anonymous_id,
    item_id,
    occurred_at
from {{ ref('checked_events') }}
where rejection_reason is null
    and event_type = 'send'
