-- one row per raw row that came more than once
-- Grouping hashes instead of ids of any length halves time and memory; the second step clears the rare collisions.
{{ config(enabled=(kindred.named_trackers() | length > 0)) }}

with raw_rows as (

    select
        source,
        row_id
    from {{ ref('tracker_rows') }}
    where product_number = 0

),

repeated_hashes as (

    select hash(row_id) as row_hash
    from raw_rows
    group by hash(row_id)
    having count(*) > 1

),

final as (

    select
        raw_rows.source,
        raw_rows.row_id
    from raw_rows
    inner join repeated_hashes
        on hash(raw_rows.row_id) = repeated_hashes.row_hash
    group by
        raw_rows.source,
        raw_rows.row_id
    having count(*) > 1

)

select * from final
