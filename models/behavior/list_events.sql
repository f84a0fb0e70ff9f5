-- one row per usable event of somebody who may be addressed that names a list, or is a purchase; before as_of
-- A view: those who ask are few, and person_events with these columns would be larger for all.
{{ config(materialized='view') }}

select
    identified_events.event_id,
    identified_events.user_id,
    identified_events.list_id,
    identified_events.item_id,
    identified_events.event_type,
    identified_events.value,
    identified_events.position,
    identified_events.occurred_at
from {{ ref('identified_events') }} as identified_events
inner join (select max(as_of) as as_of from {{ ref('folds') }}) as moment
    on identified_events.occurred_at < moment.as_of
where identified_events.item_id is not null
    and (identified_events.list_id is not null or identified_events.event_type = 'purchase')
