-- one row per day: the time spine of the semantic layer, from the first event to as_of
{{ config(materialized='view') }}

with bounds as (

    select
        min(person_days.day) as first_day,
        max(person_days.day) as last_day
    from {{ ref('person_days') }} as person_days

),

final as (

    select
        cast(
            {{ dbt.dateadd('day', 'cast(series.generated_number - 1 as integer)', 'bounds.first_day') }} as date
        ) as day
    from ({{ dbt.generate_series(15000) }}) as series
    inner join bounds
        on series.generated_number - 1 <= {{ dbt.datediff('bounds.first_day', 'bounds.last_day', 'day') }}

)

select * from final
