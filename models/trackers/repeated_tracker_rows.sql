-- one row per raw row that came more than once
{{ config(enabled=(kindred.named_trackers() | length > 0)) }}

select
    source,
    row_id
from {{ ref('tracker_rows') }}
where product_number = 0
group by
    source,
    row_id
having count(*) > 1
