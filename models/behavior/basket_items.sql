-- one row per (user_id, basket_id, item_id): what people bought before as_of, and what they bought with it
select
    person_events.user_id,
    coalesce(person_events.order_id, person_events.session_id) as basket_id,
    person_events.item_id,
    max(person_events.occurred_at) as bought_at
from {{ ref('person_events') }} as person_events
inner join (select max(as_of) as as_of from {{ ref('folds') }}) as moment
    on person_events.occurred_at < moment.as_of
where person_events.event_type = 'purchase'
    and person_events.item_id is not null
group by
    person_events.user_id,
    coalesce(person_events.order_id, person_events.session_id),
    person_events.item_id
