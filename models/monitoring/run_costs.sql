-- one row per (run_id, node), node '' for the run: how long it took and what it left
-- A run can't know what it costs before it has ended: the model makes the table, and record_costs fills it at the end
-- of each run, failed ones too.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

select
    cast(null as varchar) as run_id,
    cast(null as varchar) as node,
    cast(null as varchar) as resource_type,
    cast(null as varchar) as status,
    cast(null as double) as seconds,
    cast(null as bigint) as n_rows,
    cast(null as bigint) as n_bytes,
    cast(null as double) as credits,
    cast(null as varchar) as query_id,
    cast(null as timestamp) as started_at
where false
