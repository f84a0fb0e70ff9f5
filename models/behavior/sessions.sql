-- one row per (user_id, session_id)
select
    person_events.user_id,
    person_events.session_id,
    count(*) as n_events,
    cast(sum(case when person_events.event_type = 'add_to_cart' then 1 else 0 end) as bigint) as n_carts,
    cast(sum(case when person_events.event_type = 'purchase' then 1 else 0 end) as bigint) as n_purchases,
    coalesce(
        {{ kindred.exact_sum("case when person_events.event_type = 'purchase' then person_events.value end") }}, 0
    ) as revenue,
    min(person_events.occurred_at) as started_at,
    max(person_events.occurred_at) as ended_at
from {{ ref('person_events') }} as person_events
inner join (select max(as_of) as as_of from {{ ref('folds') }}) as moment
    on person_events.occurred_at < moment.as_of
group by
    person_events.user_id,
    person_events.session_id
