-- one row per raw row that came more than once
{{ config(enabled=(kindred.named_trackers() | length > 0)) }}

select
    tracker_rows.source,
    tracker_rows.row_id
from {{ ref('tracker_rows') }} as tracker_rows
inner join {{ ref('repeated_tracker_hashes') }} as repeated
    on hash(tracker_rows.event_id) = repeated.event_hash
where tracker_rows.product_number = 0
group by
    tracker_rows.source,
    tracker_rows.row_id
having count(*) > 1
