-- one row per user id that events or the users table know before as_of, and the person whose id it is
-- The person of ids that links join is named by the oldest of them: the same data give the same name in any order of
-- arrival.
with as_of as (select max(as_of) as as_of from {{ ref('folds') }}),

seen as (

    select
        user_id,
        sum(n_events) as n_events,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from {{ ref('id_pairs') }}
    where user_id is not null
    group by user_id

),

known as (

    select users.*
    from {{ ref('kindred', 'users') }} as users
    inner join as_of
        on users.created_at < as_of.as_of
            or users.created_at is null

),

all_ids as (

    select
        coalesce(seen.user_id, known.user_id) as identity_id,
        known.segment,
        coalesce(seen.n_events, 0) as n_events,
        case
            when known.created_at < seen.first_seen_at then known.created_at
            else coalesce(seen.first_seen_at, known.created_at)
        end as first_seen_at,
        seen.last_seen_at
    from seen
    full outer join known
        on seen.user_id = known.user_id

),

grouped as (select * from {{ ref('identity_groups') }} where fate = 'joined'),

oldest as (

    select
        grouped.group_id,
        all_ids.identity_id as user_id,
        row_number() over (
            partition by grouped.group_id order by all_ids.first_seen_at nulls last, all_ids.identity_id
        ) as place
    from all_ids
    inner join grouped
        on all_ids.identity_id = grouped.identity_id
    qualify place = 1

),

final as (

    select
        all_ids.identity_id,
        coalesce(oldest.user_id, all_ids.identity_id) as user_id,
        grouped.group_id,
        all_ids.segment,
        cast(all_ids.n_events as bigint) as n_events,
        all_ids.first_seen_at,
        all_ids.last_seen_at
    from all_ids
    left join grouped
        on all_ids.identity_id = grouped.identity_id
    left join oldest
        on grouped.group_id = oldest.group_id

)

select * from final
