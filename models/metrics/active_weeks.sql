-- one row per (cohort_week, segment, age_weeks) in which somebody came: how many, and what they spent
-- A week of age is 7 days from a person's own first day on, so that age 0 is a whole week for everybody.
{{ config(materialized='view') }}

with dated as (

    select
        people.user_id,
        people.segment,
        person_days.revenue,
        {{ dbt.datediff('people.first_day', 'person_days.day', 'day') }} as age_days,  -- noqa: LT05
        cast(date_trunc('week', people.first_day) as date) as cohort_week
    from {{ ref('person_days') }} as person_days
    inner join {{ ref('metric_people') }} as people
        on person_days.user_id = people.user_id

),

by_person as (

    select
        cohort_week,
        segment,
        user_id,
        cast(floor(age_days / 7.0e0) as bigint) as age_weeks,
        {{ kindred.exact_sum('revenue') }} as revenue
    from dated
    group by
        cohort_week,
        segment,
        user_id,
        cast(floor(age_days / 7.0e0) as bigint)

),

final as (

    select
        cohort_week,
        segment,
        age_weeks,
        cast(count(*) as bigint) as n_active,
        {{ kindred.exact_sum('revenue') }} as revenue
    from by_person
    group by
        cohort_week,
        segment,
        age_weeks

)

select * from final
