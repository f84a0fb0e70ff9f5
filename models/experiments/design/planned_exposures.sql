-- one row per (experiment_id, user_id) of an experiment without exposures: who would have been exposed in 28 days
-- By the first event in the 28 days before the longest window of a metric: what came of them is known by now.
{{ config(enabled=kindred.has_experiments()) }}

{% set found = kindred.known_rows("select count(*) as n_experiments", ref('checked_experiments')) %}
{% set has_experiments = found is none or found[0].n_experiments > 0 %}

with exposed as (select experiment_id from {{ ref('exposures') }} group by experiment_id),

longest as (

    select coalesce(max(window_days), 0) as window_days
    from {{ ref('checked_metrics') }}
    where problem is null

),

waiting as (

    select
        periods.experiment_id,
        {{ dbt.dateadd('day', '-longest.window_days - 28', 'periods.as_of') }} as from_at,
        {{ dbt.dateadd('day', '-longest.window_days', 'periods.as_of') }} as until_at
    from {{ ref('experiment_periods') }} as periods
    cross join longest
    left join exposed
        on periods.experiment_id = exposed.experiment_id
    where exposed.experiment_id is null

),

final as (

    select
        waiting.experiment_id,
        person_events.user_id,
        min(person_events.occurred_at) as first_exposed_at
    from {{ ref('person_events') }} as person_events
    inner join waiting
        on person_events.occurred_at >= waiting.from_at
            and person_events.occurred_at < waiting.until_at
    {{ "where false" if not has_experiments }}
    group by
        waiting.experiment_id,
        person_events.user_id

)

select * from final
