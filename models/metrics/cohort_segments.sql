-- one row per (cohort_week, age_weeks, segment): the part of cohorts that adds up
-- The segments, without the rows of all people; without segments all people are the only part.
{{ config(materialized='view') }}

select
    cohort_week,
    age_weeks,
    segment,
    n_people,
    n_active,
    revenue
from {{ ref('cohorts') }}
where segment {{ "<> ''" if kindred.setting('lists', 'segment_by') else "= ''" }}
