-- one row per pair of ids and kind that a tracker or the shop says are one person; empty where nothing says so
select
    left_id,
    right_id,
    kind,
    -- A link without a time was always known.
    case when count(linked_at) = count(*) then min(linked_at) end as linked_at
from {{ ref('typed_identity_links') }}
where rejection_reason is null
    and left_id <> right_id
group by
    left_id,
    right_id,
    kind
