-- one row per usable event of somebody who may be addressed, under the id of the person
-- The first table with a row per event, and the last: whatever reads events from here on reads this one.
select
    identities.user_id,
    events.session_id,
    events.order_id,
    events.item_id,
    events.event_type,
    events.value,
    events.occurred_at
from {{ ref('kindred', 'events') }} as events
inner join {{ ref('identities') }} as identities
    on coalesce(events.user_id, events.anonymous_id) = identities.identity_id
where identities.is_consented
