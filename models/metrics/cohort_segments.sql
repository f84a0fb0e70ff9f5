-- one row per (cohort_week, age_weeks, segment): the rows of cohorts that add up, those of the segments without those of all people
-- Without segments all people are the only part.
{{ config(materialized='view') }}

select *
from {{ ref('cohorts') }}
where segment {{ "<> ''" if kindred.setting('lists', 'segment_by') else "= ''" }}
