-- one row per event before as_of of a shared device that has no user id, in a session in which somebody logs in
-- What precedes the first login of a session is of who logs in first, what follows a login of who logged in last.
with devices as (select identity_id from {{ ref('devices') }} where link in ('shared', 'hub')),

logins as (

    select
        user_ids.identity_id,
        user_ids.user_id
    from {{ ref('user_ids') }} as user_ids
    left join {{ ref('shared_accounts') }} as shared_accounts
        on user_ids.identity_id = shared_accounts.user_id
    where shared_accounts.user_id is null

),

device_events as (

    select
        events.event_id,
        events.anonymous_id,
        events.session_id,
        events.user_id is null as is_anonymous,
        logins.user_id,
        events.occurred_at,
        {{ kindred.starts_session('events.occurred_at', 'events.anonymous_id, events.session_id is null') | indent(8) }}
            as is_start
    from {{ ref('kindred', 'events') }} as events
    inner join devices
        on events.anonymous_id = devices.identity_id
    inner join (select max(as_of) as as_of from {{ ref('folds') }}) as moment
        on events.occurred_at < moment.as_of
    left join logins
        on events.user_id = logins.identity_id
    where events.traffic is null

),

in_sessions as (

    select
        *,
        sum(case when session_id is null then is_start else 0 end) over (
            partition by anonymous_id, session_id is null
            order by occurred_at, is_start desc
            rows between unbounded preceding and current row
        ) as session_number
    from device_events

),

-- The number of the login that an event follows; of what happens at the same moment a login comes first.
numbered as (

    select
        *,
        count(user_id) over (
            partition by anonymous_id, session_id, session_number
            order by occurred_at, user_id nulls last, event_id
            rows between unbounded preceding and current row
        ) as login_number
    from in_sessions

),

given as (

    select
        event_id,
        anonymous_id,
        is_anonymous,
        max(user_id) over (
            partition by anonymous_id, session_id, session_number, greatest(login_number, 1)
        ) as user_id,
        occurred_at
    from numbered

),

final as (

    select
        event_id,
        anonymous_id,
        user_id,
        occurred_at
    from given
    where is_anonymous
        and user_id is not null

)

select * from final
