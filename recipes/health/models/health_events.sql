-- one row per thing that a member did, in the words of kindred's events
select
    event_id,
    member_id as user_id,
    cast(null as varchar) as anonymous_id,
    visit_id as session_id,
    case what when 'open' then 'view' when 'finish' then 'completion' else what end as event_type,
    content_id as item_id,
    happened_at as occurred_at
from {{ ref('read_events') }}
{%- if var('is_careful') %}
where left_out_because is null
{%- endif %}
