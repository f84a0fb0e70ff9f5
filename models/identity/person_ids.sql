-- one row per identity: an id under which a tracker, the users table or a link knows somebody, and the person behind it
with user_ids as (select * from {{ ref('user_ids') }}),

devices as (select * from {{ ref('devices') }}),

-- Two ways to count what logins have claimed: the devices lose it, the people who logged in have it.
claimed_events as (select * from {{ ref('claimed_events') }}),

lost as (

    select
        anonymous_id,
        count(*) as n_events
    from claimed_events
    group by anonymous_id

),

gained as (

    select
        user_id,
        count(*) as n_events,
        min(occurred_at) as first_seen_at,
        max(occurred_at) as last_seen_at
    from claimed_events
    group by user_id

),

-- What nobody's login has claimed of a device is its own person's; on a hub it is nobody's.
left_over as (

    select
        devices.*,
        devices.n_events - coalesce(lost.n_events, 0) as n_left,
        sum(devices.n_events - coalesce(lost.n_events, 0)) over (partition by devices.own_id) as n_left_of_own
    from devices
    left join lost
        on devices.identity_id = lost.anonymous_id

),

ids as (

    select
        user_ids.identity_id,
        user_ids.user_id,
        case when user_ids.identity_id = user_ids.user_id then 'own' else 'linked' end as link,
        user_ids.segment,
        false as is_anonymous,
        user_ids.n_events + coalesce(gained.n_events, 0) as n_events,
        coalesce(least(user_ids.first_seen_at, gained.first_seen_at), user_ids.first_seen_at) as first_seen_at,
        coalesce(greatest(user_ids.last_seen_at, gained.last_seen_at), user_ids.last_seen_at) as last_seen_at
    from user_ids
    left join gained
        on user_ids.identity_id = gained.user_id

    union all

    select
        identity_id,
        case
            when link in ('login', 'linked') then user_id
            when link in ('own', 'shared') and n_left_of_own > 0 then own_id
        end as user_id,
        case when link = 'own' and identity_id <> own_id then 'linked' else link end as link,
        cast(null as varchar) as segment,
        true as is_anonymous,
        n_left as n_events,
        first_seen_at,
        last_seen_at
    from left_over
    where link <> 'own'
        or n_left_of_own > 0

),

final as (

    select
        identity_id,
        user_id,
        link,
        segment,
        is_anonymous,
        cast(n_events as bigint) as n_events,
        first_seen_at,
        last_seen_at
    from ids

)

select * from final
