-- one row per (fold, user_id, item_id): an item that a person was shown on recent visits and did nothing with since
-- A visit counts once, however often the item was seen on it. What the person does with the item ends the count.
{{ config(materialized='view') }}

with shown as (

    select
        folds.fold,
        person_events.user_id,
        person_events.item_id,
        person_events.session_id,
        min(person_events.occurred_at) as shown_at
    from {{ ref('person_events') }} as person_events
    inner join {{ ref('folds') }} as folds
        on person_events.occurred_at < folds.learns_until
            and person_events.occurred_at
            >= {{ dbt.dateadd('day', '-' ~ var('kindred__horizon_days'), 'folds.learns_until') }}
    where person_events.event_type = 'impression'
        and person_events.item_id is not null
    group by
        folds.fold,
        person_events.user_id,
        person_events.item_id,
        person_events.session_id

),

final as (

    select
        shown.fold,
        shown.user_id,
        shown.item_id,
        count(*) as n_visits
    from shown
    left join {{ ref('interactions') }} as interactions
        on shown.fold = interactions.fold
            and shown.user_id = interactions.user_id
            and shown.item_id = interactions.item_id
    where interactions.item_id is null
        or interactions.last_at < shown.shown_at
    group by
        shown.fold,
        shown.user_id,
        shown.item_id

)

select * from final
