-- one row per (user_id, anonymous_id) that events before as_of carry together; either may be null
-- The one pass of this room that grows with the events: all that is decided here is decided by ids.
with as_of as (select max(as_of) as as_of from {{ ref('folds') }})

select
    events.user_id,
    events.anonymous_id,
    count(*) as n_events,
    min(events.occurred_at) as first_seen_at,
    max(events.occurred_at) as last_seen_at
from {{ ref('kindred', 'events') }} as events
inner join as_of
    on events.occurred_at < as_of.as_of
where events.traffic is null
group by
    events.user_id,
    events.anonymous_id
