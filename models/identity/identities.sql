-- one row per identity: an id under which a tracker or the users table knows somebody, and the person behind it
-- For now each identity is its own person. Stitching the identities of one person together means to give them one
-- user_id here; nothing downstream knows the difference.
with events as (select * from {{ ref('kindred', 'events') }}),

users as (select * from {{ ref('kindred', 'users') }}),

consents as (select * from {{ ref('kindred', 'consents') }}),

as_of as (select max(as_of) as as_of from {{ ref('folds') }}),

seen as (

    select
        coalesce(events.user_id, events.anonymous_id) as identity_id,
        max(events.user_id) is null as is_anonymous,
        count(*) as n_events,
        min(events.occurred_at) as first_seen_at,
        max(events.occurred_at) as last_seen_at
    from events
    inner join as_of
        on events.occurred_at < as_of.as_of
    group by coalesce(events.user_id, events.anonymous_id)

),

known as (

    select users.*
    from users
    inner join as_of
        on users.created_at < as_of.as_of
            or users.created_at is null

),

-- The last answer before the moment counts, for the whole of a person's history: who withdrew is out of training too. A
-- build that is no replay knows all answers up to now, however old the newest event is, and no refusal waits for its
-- time.
answers as (

    select
        consents.user_id,
        consents.is_granted,
        row_number() over (partition by consents.user_id order by consents.updated_at desc) as recency
    from consents
    inner join as_of
        on consents.updated_at < as_of.as_of
            {%- if not var('kindred__as_of') %}
            or consents.updated_at <= cast('{{ kindred.run_clock() }}' as timestamp)
            or not consents.is_granted
            {%- endif %}
    where consents.purpose = 'personalization'

),

identities as (

    select
        coalesce(seen.identity_id, known.user_id) as identity_id,
        coalesce(seen.identity_id, known.user_id) as user_id,
        known.segment,
        coalesce(seen.is_anonymous, false) as is_anonymous,
        coalesce(seen.n_events, 0) as n_events,
        case
            when known.created_at < seen.first_seen_at then known.created_at
            else coalesce(seen.first_seen_at, known.created_at)
        end as first_seen_at,
        seen.last_seen_at
    from seen
    full outer join known
        on seen.identity_id = known.user_id

),

final as (

    select
        identities.identity_id,
        identities.user_id,
        identities.segment,
        identities.is_anonymous,
        coalesce(
            answers.is_granted, {{ 'false' if kindred.setting('privacy', 'requires_consent') else 'true' }}
        ) as is_consented,
        identities.n_events,
        identities.first_seen_at,
        identities.last_seen_at
    from identities
    left join answers
        on identities.user_id = answers.user_id
            and answers.recency = 1

)

select * from final
