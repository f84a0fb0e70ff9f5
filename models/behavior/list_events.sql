-- one row per usable event of somebody who may be addressed that names a list, or is a purchase; before as_of
-- A view: those who ask are few, and person_events with these columns would be larger for all.
{{ config(materialized='view') }}

select
    events.event_id,
    identities.user_id,
    events.list_id,
    events.item_id,
    events.event_type,
    events.value,
    events.position,
    events.occurred_at
from {{ ref('kindred', 'events') }} as events
inner join {{ ref('identities') }} as identities
    on coalesce(events.user_id, events.anonymous_id) = identities.identity_id
inner join (select max(as_of) as as_of from {{ ref('folds') }}) as moment
    on events.occurred_at < moment.as_of
where identities.is_consented
    and events.item_id is not null
    and (events.list_id is not null or events.event_type = 'purchase')
