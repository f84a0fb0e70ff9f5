-- one row: the secret with which ids of forgotten people are hashed
-- Never made again: with another one nobody who is forgotten would be recognized.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

with earlier as ({{ kindred.previous_rows('forgotten_key', {'hash_key': 'varchar'}) }})

select {{ kindred.random_key() }} as hash_key
where not exists (select 1 from earlier)
