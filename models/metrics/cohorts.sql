-- one row per (cohort_week, age_weeks, segment): who came back, and what they spent; segment '' = all people
{% set longest = 52 %}

with people as (

    select
        *,
        cast(date_trunc('week', first_day) as date) as cohort_week
    from {{ ref('metric_people') }}

),

active_weeks as (select * from {{ ref('active_weeks') }}),

-- Days that everybody of a cohort can have been there: those who came on its last day decide.
sizes as (

    select
        cohort_week,
        segment,
        count(*) as n_people,
        max(age_days + {{ dbt.datediff('cohort_week', 'first_day', 'day') }}) - 6 as least_age_days
    from people
    group by
        cohort_week,
        segment

),

oldest as (select max(age_days) as age_days from people),

ages as (

    select cast(series.generated_number - 1 as bigint) as age_weeks
    from ({{ dbt.generate_series(longest + 1) }}) as series
    inner join oldest
        on (series.generated_number - 1) * 7 < oldest.age_days

),

cells as (

    select
        sizes.cohort_week,
        ages.age_weeks,
        sizes.segment,
        sizes.n_people,
        7 * (ages.age_weeks + 1) <= sizes.least_age_days as is_over,
        coalesce(active_weeks.n_active, 0) as n_active,
        coalesce(active_weeks.revenue, 0.0e0) as revenue
    from sizes
    cross join ages
    left join active_weeks
        on sizes.cohort_week = active_weeks.cohort_week
            and sizes.segment = active_weeks.segment
            and ages.age_weeks = active_weeks.age_weeks

),

added_up as (

    {% if kindred.setting('lists', 'segment_by') -%}
    select * from cells

    union all

    {% endif -%}
    select
        cohort_week,
        age_weeks,
        '' as segment,
        sum(n_people) as n_people,
        is_over,
        sum(n_active) as n_active,
        {{ kindred.exact_sum('revenue') }} as revenue
    from cells
    group by
        cohort_week,
        age_weeks,
        is_over

),

{{ kindred.protected_cells('added_up', ['cohort_week', 'age_weeks', 'segment'], {'segment': "''"}, 'n_people') }},

final as (

    select
        cohort_week,
        age_weeks,
        segment,
        cast(n_people as bigint) as n_people,
        cast(case when is_over then n_active end as bigint) as n_active,
        case when is_over then cast(n_active as double) / n_people end as retention,
        case when is_over then {{ kindred.wilson_bound('n_active', 'n_people', 'lower') | indent(8) }} end as lower,
        case when is_over then {{ kindred.wilson_bound('n_active', 'n_people', 'upper') | indent(8) }} end as upper,
        case when is_over then revenue end as revenue,
        case when is_over then revenue / n_people end as revenue_per_person
    from protected

)

select * from final
