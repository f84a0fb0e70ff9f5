-- one row per (fold, event that says something about taste): the only place where time is cut
-- Whatever reads this view, or a table made of it, can't see an event after the moment of its fold.
{{ config(materialized='view') }}

select
    folds.fold,
    person_events.user_id,
    person_events.item_id,
    person_events.event_type,
    event_types.excludes_item,
    person_events.value,
    event_types.weight
    * case when person_events.value < event_types.neutral_value then -1 else 1 end
    -- Without a half-life nothing fades.
    * coalesce(
        power(
            0.5,
            {{ kindred.days_between('person_events.occurred_at', 'folds.learns_until') }}
            / event_types.half_life_days
        ),
        1
    ) as weight,
    -- Within one horizon of the moment: what trends are measured on.
    person_events.occurred_at
    >= {{ dbt.dateadd('day', '-' ~ var('kindred__horizon_days'), 'folds.learns_until') }} as is_recent,
    person_events.occurred_at
from {{ ref('person_events') }} as person_events
inner join {{ ref('event_types') }} as event_types
    on person_events.event_type = event_types.event_type
inner join {{ ref('folds') }} as folds
    on person_events.occurred_at < folds.learns_until
where person_events.item_id is not null
    and (event_types.weight <> 0 or event_types.excludes_item)
