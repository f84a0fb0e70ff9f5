-- one row per anonymous id before as_of, or linked id that no event has, and the person whose it is
-- A login is no link between equals: it says who uses a device. So no device ever joins two people.
with user_ids as (select * from {{ ref('user_ids') }}),

pairs as (select * from {{ ref('id_pairs') }} where anonymous_id is not null),

grouped as (select * from {{ ref('identity_groups') }} where fate = 'joined'),

ids as (select * from {{ ref('device_ids') }}),

group_owners as (

    select
        group_id,
        min(user_id) as user_id
    from user_ids
    where group_id is not null
    group by group_id

),

-- Devices that links join are one, where no user's id is among them: else each is the user's device.
units as (

    select
        ids.*,
        case
            when grouped.group_id is null or group_owners.group_id is not null then ids.identity_id
            else grouped.group_id
        end as unit_id,
        group_owners.user_id as owner_id
    from ids
    left join grouped
        on ids.identity_id = grouped.identity_id
    left join group_owners
        on grouped.group_id = group_owners.group_id
    -- An id that events have as a user's too is the user's.
    left join user_ids
        on ids.identity_id = user_ids.identity_id
    where user_ids.identity_id is null

),

-- A user id on very many devices is a login that many people know: it claims none.
claims as (

    select
        units.unit_id,
        user_ids.user_id
    from pairs
    inner join units
        on pairs.anonymous_id = units.identity_id
    inner join user_ids
        on pairs.user_id = user_ids.identity_id
    left join {{ ref('shared_accounts') }} as shared_accounts
        on pairs.user_id = shared_accounts.user_id
    where shared_accounts.user_id is null

    union all

    select
        unit_id,
        owner_id as user_id
    from units
    where owner_id is not null

),

claimed as (

    select
        unit_id,
        count(distinct user_id) as n_users,
        min(user_id) as user_id
    from claims
    group by unit_id

),

final as (

    select
        units.identity_id,
        first_value(units.identity_id) over (
            partition by units.unit_id order by units.first_seen_at nulls last, units.identity_id
        ) as own_id,
        case when claimed.n_users = 1 then claimed.user_id end as user_id,
        cast(coalesce(claimed.n_users, 0) as bigint) as n_users,
        case
            when claimed.n_users = 1 then case when units.owner_id is null then 'login' else 'linked' end
            when claimed.n_users > {{ kindred.setting('identity', 'max_users_per_device') }} then 'hub'
            when claimed.n_users > 1 then 'shared'
            else 'own'
        end as link,
        cast(units.n_events as bigint) as n_events,
        units.first_seen_at,
        units.last_seen_at
    from units
    left join claimed
        on units.unit_id = claimed.unit_id

)

select * from final
