-- one row per (category, reason): what was read and is not learned from, and why
select
    topic as category,
    left_out_because as reason,
    count(*) as n_events,
    count(distinct member_id) as n_members
from {{ ref('read_events') }}
where left_out_because is not null
group by
    topic,
    left_out_because
