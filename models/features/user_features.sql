-- one row per (fold, user_id): every person who may be addressed and was known at the fold's moment
with people as (select * from {{ ref('identities') }} where is_consented and traffic is null and user_id is not null),

sessions as (select * from {{ ref('sessions') }}),

folds as (select * from {{ ref('folds') }}),

affinities as (select * from {{ ref('user_affinities') }}),

user_totals as (select * from {{ ref('user_totals') }}),

known as (

    select
        folds.fold,
        folds.learns_until,
        people.user_id,
        {{ kindred.person_segment('people') }} as segment,
        min(case when people.is_anonymous then 1 else 0 end) = 1 as is_anonymous,
        min(people.first_seen_at) as first_seen_at
    from people
    inner join folds
        on people.first_seen_at < folds.learns_until
            or people.first_seen_at is null
    group by
        folds.fold,
        folds.learns_until,
        people.user_id

),

visits as (

    select
        folds.fold,
        sessions.user_id,
        count(*) as n_sessions
    from sessions
    inner join folds
        on sessions.started_at < folds.learns_until
    group by
        folds.fold,
        sessions.user_id

),

final as (

    select
        known.fold,
        known.user_id,
        known.segment,
        known.is_anonymous,
        case
            when coalesce(user_totals.n_liked_items, 0) = 0 then 'cold'
            when user_totals.n_liked_items < 10 then 'warm'
            else 'hot'
        end as activity,
        affinities.top_category,
        affinities.top_brand,
        affinities.top_category_share,
        affinities.top_brand_share,
        affinities.mean_price,
        affinities.price_affinity,
        cast(coalesce(user_totals.n_items, 0) as bigint) as n_items,
        cast(coalesce(user_totals.n_liked_items, 0) as bigint) as n_liked_items,
        cast(coalesce(user_totals.n_excluded_items, 0) as bigint) as n_excluded_items,
        cast(coalesce(user_totals.n_events, 0) as bigint) as n_events,
        cast(coalesce(user_totals.n_views, 0) as bigint) as n_views,
        cast(coalesce(user_totals.n_carts, 0) as bigint) as n_carts,
        cast(coalesce(user_totals.n_purchases, 0) as bigint) as n_purchases,
        cast(coalesce(visits.n_sessions, 0) as bigint) as n_sessions,
        cast(coalesce(user_totals.revenue, 0) as double) as revenue,
        {{ kindred.days_between('known.first_seen_at', 'known.learns_until') }} as tenure_days,
        {{ kindred.days_between('user_totals.last_event_at', 'known.learns_until') }} as recency_days,
        known.first_seen_at,
        user_totals.last_event_at
    from known
    left join user_totals
        on known.fold = user_totals.fold
            and known.user_id = user_totals.user_id
    left join visits
        on known.fold = visits.fold
            and known.user_id = visits.user_id
    left join affinities
        on known.fold = affinities.fold
            and known.user_id = affinities.user_id

)

select * from final
