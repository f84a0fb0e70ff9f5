-- one row per (fold, user_id, team, rank): both lists of a person for whom two policies are interleaved
{{ config(materialized='view') }}

select
    cast(null as varchar) as fold,
    cast(null as varchar) as run_key,
    cast(null as varchar) as user_id,
    cast(null as varchar) as team,
    cast(null as bigint) as rank,
    cast(null as varchar) as item_id,
    cast(null as varchar) as generator,
    cast(null as double) as score
where false
