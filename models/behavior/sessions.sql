-- one row per (user_id, session_id)
-- person_events is named twice on purpose: behind one shared CTE it would be held in memory as a whole.
with as_of as (select max(as_of) as as_of from {{ ref('folds') }}),

-- Where the tracker names no session, silence ends one. Only such events are sorted.
gaps as (

    select
        person_events.user_id,
        person_events.event_type,
        person_events.value,
        person_events.occurred_at,
        case
            when {{ dbt.datediff(
                'lag(person_events.occurred_at) over (
                    partition by person_events.user_id order by person_events.occurred_at
                )',
                'person_events.occurred_at', 'second'
            ) }} <= {{ kindred.setting('lists', 'session_gap_minutes') }} * 60 then 0
            else 1
        end as is_start
    from {{ ref('person_events') }} as person_events
    inner join as_of
        on person_events.occurred_at < as_of.as_of
    where person_events.session_id is null

),

numbered as (

    select
        user_id,
        event_type,
        value,
        occurred_at,
        cast(sum(is_start) over (
            partition by user_id order by occurred_at, is_start desc
            rows between unbounded preceding and current row
        ) as bigint) as session_number
    from gaps

),

-- A session found by silence is named after its number, which later events can't change.
assigned as (

    select
        person_events.user_id,
        person_events.session_id,
        person_events.event_type,
        person_events.value,
        person_events.occurred_at
    from {{ ref('person_events') }} as person_events
    inner join as_of
        on person_events.occurred_at < as_of.as_of
    where person_events.session_id is not null

    union all

    select
        user_id,
        concat(user_id, '#', cast(session_number as varchar)) as session_id,
        event_type,
        value,
        occurred_at
    from numbered

),

final as (

    select
        user_id,
        session_id,
        count(*) as n_events,
        cast(sum(case when event_type = 'add_to_cart' then 1 else 0 end) as bigint) as n_carts,
        cast(sum(case when event_type = 'purchase' then 1 else 0 end) as bigint) as n_purchases,
        coalesce({{ kindred.exact_sum("case when event_type = 'purchase' then value end") }}, 0) as revenue,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at
    from assigned
    group by
        user_id,
        session_id

)

select * from final
