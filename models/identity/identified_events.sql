-- one row per usable event of somebody who may be addressed, with the person
-- A view: person_events and list_events take the columns that they need. With consent_scope event what happened while
-- there was no consent is left out too.
-- depends_on: {{ ref('consent_history') }}
{{ config(materialized='view') }}
{% set consent_purposes = kindred.consent_purposes() %}
{% set by_event = kindred.setting('privacy', 'consent_scope') == 'event' %}
{% set was_allowed = [] %}
{% for purpose in consent_purposes.gating if by_event %}
{% do was_allowed.append(
    "coalesce(" ~ purpose ~ "_then.is_granted, " ~ (purpose not in consent_purposes.required) | lower ~ ")"
) %}
{% endfor %}

select
    events.event_id,
    identities.user_id,
    coalesce(events.anonymous_id, events.user_id) as device_id,
    events.session_id,
    events.order_id,
    events.list_id,
    events.item_id,
    events.event_type,
    events.value,
    events.position,
    events.occurred_at
from {{ ref('kindred', 'events') }} as events
left join {{ ref('claimed_events') }} as claimed_events
    on events.event_id = claimed_events.event_id
inner join {{ ref('identities') }} as identities
    on coalesce(events.user_id, claimed_events.user_id, events.anonymous_id) = identities.identity_id
{% for purpose in consent_purposes.gating if by_event -%}
left join {{ ref('consent_history') }} as {{ purpose }}_then
    on identities.user_id = {{ purpose }}_then.user_id
        and {{ purpose }}_then.purpose = '{{ purpose }}'
        and events.occurred_at >= {{ purpose }}_then.valid_from
        and (events.occurred_at < {{ purpose }}_then.valid_to or {{ purpose }}_then.valid_to is null)
{% endfor %}
where identities.is_consented
    and identities.user_id is not null
    and identities.traffic is null
    and events.traffic is null
    and {{ was_allowed | join(' and ') or 'true' }}
