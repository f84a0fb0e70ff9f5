-- one row per (experiment_id, arm, subject_id, window_days): who counts for the metrics of a window
-- Units that were first exposed less than a window ago count for none of its metrics: their outcome is still open.
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with units as (

    select
        exposed_units.*,
        windows.window_days
    from {{ ref('exposed_units') }} as exposed_units
    cross join (
        select window_days from {{ ref('checked_metrics') }} where problem is null group by window_days
    ) as windows
    cross join (select max(as_of) as as_of from {{ ref('folds') }}) as moment
    where {{ dbt.dateadd('day', 'windows.window_days', 'exposed_units.first_exposed_at') }} <= moment.as_of

),

-- Only of units that are a person with an item a subject has several.
final as (

    select
        experiment_id,
        arm,
        subject_id,
        window_days,
        segment,
        activity,
        1 as n_units,
        exposed_on
    from units
    where unit <> 'user_item'

    union all

    select
        experiment_id,
        arm,
        subject_id,
        window_days,
        segment,
        activity,
        count(*) as n_units,
        exposed_on
    from units
    where unit = 'user_item'
    group by
        experiment_id,
        arm,
        subject_id,
        window_days,
        segment,
        activity,
        exposed_on

)

select * from final
