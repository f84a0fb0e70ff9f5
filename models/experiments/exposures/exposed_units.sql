-- one row per (experiment_id, unit_id): an exposed unit, whose it is, and its segments
-- The subject is the person, or for the unit item the item: what statistics take for independent.
{{ config(enabled=kindred.has_experiments()) }}

with exposures as (select * from {{ ref('counted_exposures') }}),

people as (

    select
        user_id,
        segment
    from {{ ref('user_features') }}
    where fold = 'live'

),

-- Of a person's items the one that was shown first says when the person was exposed.
subjects as (

    select
        experiment_id,
        unit_id,
        unit,
        arm,
        user_id,
        coalesce(user_id, item_id) as subject_id,
        first_exposed_at,
        first_exposed_at as subject_exposed_at
    from exposures
    where unit <> 'user_item'

    union all

    select
        experiment_id,
        unit_id,
        unit,
        arm,
        user_id,
        user_id as subject_id,
        first_exposed_at,
        min(first_exposed_at) over (partition by experiment_id, arm, user_id) as subject_exposed_at
    from exposures
    where unit = 'user_item'

),

-- What a person did before the first exposure alone: the arm can't have changed it.
histories as (

    select
        subjects.experiment_id,
        subjects.unit_id,
        count(*) as n_events
    from {{ ref('person_events') }} as person_events
    inner join subjects
        on person_events.user_id = subjects.user_id
            and person_events.occurred_at < subjects.subject_exposed_at
    inner join {{ ref('event_types') }} as event_types
        on person_events.event_type = event_types.event_type
    where event_types.weight > 0
    group by
        subjects.experiment_id,
        subjects.unit_id

),

final as (

    select
        subjects.experiment_id,
        subjects.unit_id,
        subjects.unit,
        subjects.arm,
        subjects.subject_id,
        case when subjects.user_id is null then 'item' else coalesce(people.segment, 'unknown') end as segment,
        case
            when subjects.user_id is null then 'item'
            when histories.n_events is null then 'cold'
            when histories.n_events < 10 then 'warm'
            else 'hot'
        end as activity,
        cast(subjects.subject_exposed_at as date) as exposed_on,
        subjects.first_exposed_at
    from subjects
    left join people
        on subjects.user_id = people.user_id
    left join histories
        on subjects.experiment_id = histories.experiment_id
            and subjects.unit_id = histories.unit_id

)

select * from final
