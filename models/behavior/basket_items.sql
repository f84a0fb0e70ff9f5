-- one row per (user_id, basket_id, item_id): what people bought before as_of, and what they bought with it
-- person_events is named twice on purpose: behind one shared CTE it would be held in memory as a whole.
with as_of as (select max(as_of) as as_of from {{ ref('folds') }}),

sessions as (select * from {{ ref('sessions') }}),

named as (

    select
        person_events.user_id,
        coalesce(person_events.order_id, person_events.session_id) as basket_id,
        person_events.item_id,
        person_events.occurred_at
    from {{ ref('person_events') }} as person_events
    inner join as_of
        on person_events.occurred_at < as_of.as_of
    where person_events.event_type = 'purchase'
        and person_events.item_id is not null
        and (person_events.order_id is not null or person_events.session_id is not null)

),

-- Where neither order nor session is named, the basket is the session that silence ends.
unnamed as (

    select
        person_events.user_id,
        sessions.session_id as basket_id,
        person_events.item_id,
        person_events.occurred_at
    from {{ ref('person_events') }} as person_events
    inner join sessions
        on person_events.user_id = sessions.user_id
            and person_events.occurred_at between sessions.started_at and sessions.ended_at
            and left(sessions.session_id, length(sessions.user_id) + 1) = concat(sessions.user_id, '#')
    where person_events.event_type = 'purchase'
        and person_events.item_id is not null
        and person_events.order_id is null
        and person_events.session_id is null

),

bought as (

    select * from named
    union all
    select * from unnamed

),

final as (

    select
        user_id,
        basket_id,
        item_id,
        max(occurred_at) as bought_at
    from bought
    group by
        user_id,
        basket_id,
        item_id

)

select * from final
