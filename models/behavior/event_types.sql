-- one row per event type of the seed: what an event of it says about taste
with event_weights as (select * from {{ ref('event_weights') }}),

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
        event_weights.event_type,
        cast(event_weights.weight as double) as weight,
        cast(event_weights.half_life_days as double) as half_life_days,
        cast(event_weights.neutral_value as double) as neutral_value,
        event_weights.excludes_item,
        event_weights.is_target,
        coalesce(counted.n_events, 0) as n_events,
        max(case when event_weights.is_target and counted.n_events > 0 then 1 else 0 end) over () as has_targets
    from event_weights
    left join counted
        on event_weights.event_type = counted.event_type

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
