-- one row per hash that more than one row of tracker_rows has of its event's id
-- Grouping hashes instead of ids of any length halves time and memory. Nearly always there are few, so that
-- `repeated_tracker_rows` and `repeated_event_ids`, which clear the rare collisions, needn't group all events again.
{{ config(enabled=(kindred.named_trackers() | length > 0)) }}

select hash(event_id) as event_hash
from {{ ref('tracker_rows') }}
group by hash(event_id)
having count(*) > 1
