-- one row per (run_id, customer_id): a text that differs where anything in the customer's decision_audit does
-- The log of all builds stays. A replay of an old day is true to what was decided if its key is that of the log.
{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='run_id', full_refresh=false) }}

select
    run_id,
    customer_id,
    as_of,
    {{ (var('kindred__as_of', '') | string) != '' }} as is_replay,
    cast(count(*) as bigint) as n_rows,
    {{ kindred.rows_key(
        ['offer_id', 'input', 'name', 'asked', 'known', 'answer', 'settings_key'], [], 'offer_id, step, name'
    ) }} as audit_key
from {{ ref('decision_audit') }}
where run_id = (select max_by(builds.run_id, builds.started_at) from {{ ref('kindred', 'builds') }} as builds)
group by
    run_id,
    customer_id,
    as_of
