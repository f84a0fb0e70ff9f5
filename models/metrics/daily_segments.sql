-- one row per (day, segment): the rows of daily_metrics that add up, those of the segments without those of all people
-- Without segments all people are the only part.
{{ config(materialized='view') }}

select *
from {{ ref('daily_metrics') }}
where segment {{ "<> ''" if kindred.setting('lists', 'segment_by') else "= ''" }}
