-- one row per event type that may occur: what an event of it says about taste
-- An exposure to an experiment says nothing about taste, and no event of that type comes so far.
with known_event_types as (select * from {{ ref('known_event_types') }} where event_type not in ('exposure', 'send')),

person_events as (select * from {{ ref('person_events') }}),

as_of as (select max(as_of) as as_of from {{ ref('folds') }}),

counted as (

    select
        person_events.event_type,
        count(*) as n_events
    from person_events
    inner join as_of
        on person_events.occurred_at < as_of.as_of
    group by person_events.event_type

),

weighed as (

    select
        known_event_types.event_type,
        known_event_types.weight,
        known_event_types.half_life_days,
        known_event_types.neutral_value,
        known_event_types.excludes_item,
        known_event_types.is_target,
        coalesce(counted.n_events, 0) as n_events,
        max(case when known_event_types.is_target and counted.n_events > 0 then 1 else 0 end) over () as has_targets
    from known_event_types
    left join counted
        on known_event_types.event_type = counted.event_type

),

-- A shop that logs views alone has none of the seed's targets: there every event of positive weight is one.
final as (

    select
        event_type,
        weight,
        half_life_days,
        neutral_value,
        excludes_item,
        case when has_targets = 1 then is_target else weight > 0 end as is_target,
        n_events
    from weighed

)

select * from final
