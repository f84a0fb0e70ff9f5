-- one row per usable event of a person with many of them, before as_of, from which a pace can be told
-- Of people with few events no pace can be told. An impression tells nothing of it: a list shows many at once.
{{ config(materialized='ephemeral') }}
{% set min_events = kindred.setting('traffic', 'min_events') %}

with as_of as (select max(as_of) as as_of from {{ ref('folds') }}),

heavy_ids as (

    select
        identity_id,
        user_id
    from {{ ref('person_ids') }}
    where user_id is not null
    qualify sum(n_events) over (partition by user_id) >= {{ min_events }}

),

final as (

    select
        heavy_ids.user_id,
        events.event_type,
        events.item_id,
        events.occurred_at
    from {{ ref('kindred', 'events') }} as events
    inner join as_of
        on events.occurred_at < as_of.as_of
    left join {{ ref('claimed_events') }} as claimed_events
        on events.event_id = claimed_events.event_id
    inner join heavy_ids
        on coalesce(events.user_id, claimed_events.user_id, events.anonymous_id) = heavy_ids.identity_id
    where events.traffic is null
        and events.event_type <> 'impression'

)

select * from final
