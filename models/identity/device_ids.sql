-- one row per anonymous id before as_of, or linked id that no event has, and the events that it alone stands for
{{ config(materialized='ephemeral') }}

with pairs as (select * from {{ ref('id_pairs') }} where anonymous_id is not null),

grouped as (select * from {{ ref('identity_groups') }} where fate = 'joined'),

-- first_seen_at and last_seen_at of the events that the device itself stands for: those without a user id.
final as (

    select
        anonymous_id as identity_id,
        sum(case when user_id is null then n_events else 0 end) as n_events,
        min(case when user_id is null then first_seen_at end) as first_seen_at,
        max(case when user_id is null then last_seen_at end) as last_seen_at
    from pairs
    group by anonymous_id

    union all

    select
        grouped.identity_id,
        0 as n_events,
        null as first_seen_at,
        null as last_seen_at
    from grouped
    left join pairs
        on grouped.identity_id = pairs.anonymous_id
    where pairs.anonymous_id is null

)

select * from final
