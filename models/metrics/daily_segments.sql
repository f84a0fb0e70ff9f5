-- one row per (day, segment): the part of daily_metrics that adds up
-- The segments, without the rows of all people; without segments all people are the only part.
{{ config(materialized='view') }}

select
    day,
    segment,
    n_active,
    n_new,
    n_sessions,
    n_impressions,
    n_clicks,
    n_orders,
    revenue,
    watch_seconds
from {{ ref('daily_metrics') }}
where segment {{ "<> ''" if kindred.setting('lists', 'segment_by') else "= ''" }}
