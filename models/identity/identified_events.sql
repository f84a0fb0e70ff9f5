-- one row per usable event of somebody who may be addressed, with the person
-- A view: person_events and list_events take the columns that they need.
{{ config(materialized='view') }}

select
    events.event_id,
    identities.user_id,
    coalesce(events.anonymous_id, events.user_id) as device_id,
    events.session_id,
    events.order_id,
    events.list_id,
    events.item_id,
    events.event_type,
    events.value,
    events.position,
    events.occurred_at
from {{ ref('kindred', 'events') }} as events
left join {{ ref('claimed_events') }} as claimed_events
    on events.event_id = claimed_events.event_id
inner join {{ ref('identities') }} as identities
    on coalesce(events.user_id, claimed_events.user_id, events.anonymous_id) = identities.identity_id
where identities.is_consented
    and identities.user_id is not null
