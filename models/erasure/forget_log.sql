-- one row per request and place that `kindred forget` searched: what it found before, and after
-- Only `kindred forget` writes rows; the model makes the table.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

select
    cast(null as varchar) as request_id,
    cast(null as varchar) as store,
    cast(null as varchar) as relation,
    cast(null as bigint) as n_deleted,
    cast(null as bigint) as n_left,
    cast(null as timestamp) as checked_at
where false
