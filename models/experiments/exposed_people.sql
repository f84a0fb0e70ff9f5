-- one row per (experiment_id, arm, subject_id, window_days): who counts for the metrics of a window
-- The subject is the person, or for the unit item the item. Units that were first exposed less than a window ago count
-- for none of its metrics: their outcome is still open.
with exposures as (select * from {{ ref('counted_exposures') }}),

windows as (

    select window_days
    from {{ ref('checked_metrics') }}
    where problem is null
    group by window_days

),

moment as (select max(as_of) as as_of from {{ ref('folds') }}),

people as (

    select
        user_id,
        max(segment) as segment
    from {{ ref('user_features') }}
    where fold = 'live'
    group by user_id

),

subjects as (

    select
        exposures.experiment_id,
        exposures.arm,
        coalesce(exposures.user_id, exposures.item_id) as subject_id,
        min(exposures.user_id) as user_id,
        min(exposures.first_exposed_at) as first_exposed_at
    from exposures
    group by
        exposures.experiment_id,
        exposures.arm,
        coalesce(exposures.user_id, exposures.item_id)

),

-- What a person did before the first exposure alone: the arm can't have changed it.
histories as (

    select
        subjects.experiment_id,
        subjects.arm,
        subjects.subject_id,
        count(*) as n_events
    from subjects
    inner join {{ ref('person_events') }} as person_events
        on subjects.user_id = person_events.user_id
    inner join {{ ref('event_types') }} as event_types
        on person_events.event_type = event_types.event_type
            and event_types.weight > 0
    where person_events.occurred_at < subjects.first_exposed_at
    group by
        subjects.experiment_id,
        subjects.arm,
        subjects.subject_id

),

described as (

    select
        subjects.experiment_id,
        subjects.arm,
        subjects.subject_id,
        coalesce(people.segment, 'unknown') as segment,
        case
            when subjects.user_id is null then 'item'
            when histories.n_events is null then 'cold'
            when histories.n_events < 10 then 'warm'
            else 'hot'
        end as activity
    from subjects
    left join people
        on subjects.user_id = people.user_id
    left join histories
        on subjects.experiment_id = histories.experiment_id
            and subjects.arm = histories.arm
            and subjects.subject_id = histories.subject_id

),

final as (

    select
        exposures.experiment_id,
        exposures.arm,
        coalesce(exposures.user_id, exposures.item_id) as subject_id,
        windows.window_days,
        described.segment,
        described.activity,
        count(*) as n_units,
        cast(min(exposures.first_exposed_at) as date) as exposed_on
    from exposures
    cross join windows
    cross join moment
    inner join described
        on exposures.experiment_id = described.experiment_id
            and exposures.arm = described.arm
            and coalesce(exposures.user_id, exposures.item_id) = described.subject_id
    where {{ dbt.dateadd('day', 'windows.window_days', 'exposures.first_exposed_at') }} <= moment.as_of
    group by
        exposures.experiment_id,
        exposures.arm,
        coalesce(exposures.user_id, exposures.item_id),
        windows.window_days,
        described.segment,
        described.activity

)

select * from final
