-- one row per (day, release_id, endpoint): how fast and how well the service answered
-- From the lines that the service writes, which it deletes after a week; a day's rows are made again while its lines
-- are there.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='day',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

with request_lines as (

    {{ kindred.request_lines() }}

),

final as (

    select
        cast(answered_at as date) as day,
        coalesce(release, '') as release_id,
        endpoint,
        cast(count(*) as bigint) as n,
        cast(percentile_disc(0.5) within group (order by ms) as double) as p50_ms,
        cast(percentile_disc(0.95) within group (order by ms) as double) as p95_ms,
        cast(percentile_disc(0.99) within group (order by ms) as double) as p99_ms,
        cast(sum(case when is_empty then 1 else 0 end) as bigint) as n_empty,
        cast(sum(case when status >= 500 then 1 else 0 end) as bigint) as n_errors
    from request_lines
    where answered_at is not null
        and ms is not null
        and endpoint is not null
        and {{ 'false' if var('kindred__as_of') else 'true' }}
    group by
        cast(answered_at as date),
        coalesce(release, ''),
        endpoint

)

select
    *,
    p99_ms <= {{ kindred.setting('serving', 'p99_ms') }} and n_errors <= 0.001e0 * n as is_met
from final
