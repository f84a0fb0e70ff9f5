-- one row per (user_id, session_id)
with events as (select * from {{ ref('events') }}),

people as (select * from {{ ref('people') }}),

as_of as (select max(as_of) as as_of from {{ ref('folds') }}),

person_events as (

    select
        people.user_id,
        events.session_id,
        events.event_id,
        events.event_type,
        events.item_id,
        events.value,
        events.occurred_at
    from events
    inner join people
        on coalesce(events.user_id, events.anonymous_id) = people.identity_id
    inner join as_of
        on events.occurred_at < as_of.as_of

),

-- Where the tracker names no session, silence ends one. Only such events are sorted.
gaps as (

    select
        user_id,
        event_id,
        event_type,
        item_id,
        value,
        occurred_at,
        case
            when {{ dbt.datediff(
                'lag(occurred_at) over (partition by user_id order by occurred_at, event_id)', 'occurred_at', 'second'
            ) }} <= {{ var('kindred__session_gap_minutes') }} * 60 then 0
            else 1
        end as is_start
    from person_events
    where session_id is null

),

numbered as (

    select
        user_id,
        event_type,
        item_id,
        value,
        occurred_at,
        sum(is_start) over (
            partition by user_id order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as session_number
    from gaps

),

-- A session found by silence is named after its number, which later events can't change.
assigned as (

    select
        user_id,
        session_id,
        event_type,
        item_id,
        value,
        occurred_at
    from person_events
    where session_id is not null

    union all

    select
        user_id,
        concat(user_id, '#', cast(session_number as varchar)) as session_id,
        event_type,
        item_id,
        value,
        occurred_at
    from numbered

),

final as (

    select
        user_id,
        session_id,
        count(*) as n_events,
        count(distinct item_id) as n_items,
        sum(case when event_type = 'add_to_cart' then 1 else 0 end) as n_carts,
        sum(case when event_type = 'purchase' then 1 else 0 end) as n_purchases,
        coalesce({{ kindred.exact_sum("case when event_type = 'purchase' then value end") }}, 0) as revenue,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at
    from assigned
    group by
        user_id,
        session_id

)

select * from final
