-- one row per row of the raw events, whatever it is worth; repeated ids are told apart later, among usable rows
{{ config(materialized='view') }}
{% set items = kindred.input_pointers()['items'] %}
{{ "-- depends_on: " ~ ref('kindred', 'items') if items }}
{# A catalogue that is made of the events themselves lacks none of their items. -#}
{% set has_catalogue = items not in ['', none, 'tracked_items'] %}
{% set spelt, fields = kindred.misspelt_columns(), kindred.met_columns() %}

with source_rows as (

    {{ kindred.select_known_events() }}

),

event_types as (select event_type from {{ ref('known_event_types') }}),

event_spellings as (select * from {{ ref('event_spellings') }}),
{% if has_catalogue %}
catalogue as (select item_id from {{ ref('kindred', 'items') }}),
{% endif %}
normalized as (

    select
        source_rows.event_id,
        {% for column in ['user_id', 'anonymous_id', 'session_id', 'event_type', 'item_id', 'order_id', 'list_id'] -%}
        {% if column in spelt -%}
        case
            when {{ column }}_spellings.spelling is null then source_rows.{{ column }}
            else {{ column }}_spellings.normal_form
        end as {{ column }},
        {% else -%}
        source_rows.{{ column }},
        {% endif -%}
        {% endfor -%}
        {%- set blocked = [] -%}
        {%- for column in ['user_id', 'anonymous_id'] if column in spelt -%}
        {%- do blocked.append('coalesce(' ~ column ~ '_spellings.is_blocked, false)') -%}
        {%- endfor %}
        {{ blocked | join(' or ') or 'false' }} as has_blocked_id,
        source_rows.query,
        source_rows.properties,
        source_rows.quantity,
        source_rows.quantity_text,
        source_rows.value,
        source_rows.value_text,
        source_rows.position,
        source_rows.position_text,
        source_rows.occurred_at,
        source_rows.occurred_at_text,
        {{ kindred.first_traffic(fields, 'rule_id') }} as traffic_rule,
        {{ kindred.first_traffic(fields, 'traffic') }} as traffic
    from source_rows
    {% for column in spelt -%}
    left join event_spellings as {{ column }}_spellings
        on source_rows.{{ column }} = {{ column }}_spellings.spelling
            and {{ column }}_spellings.column_name = '{{ column }}'
    {% endfor -%}
    {% for field in fields -%}
    left join {{ ref('traffic_values') }} as {{ field }}_traffic
        on source_rows.{{ field }} = {{ field }}_traffic.value
            and {{ field }}_traffic.field = '{{ field }}'
    {% endfor %}

),

-- A purchase of negative value is what was given back.
signed as (

    select
        *,
        coalesce(value < 0 and event_type in ('purchase', 'return'), false) as is_refund
    from normalized

),

turned as (

    select
        event_id,
        user_id,
        anonymous_id,
        has_blocked_id,
        session_id,
        case when is_refund then 'return' else event_type end as event_type,
        item_id,
        order_id,
        list_id,
        query,
        properties,
        case when is_refund then abs(quantity) else quantity end as quantity,
        quantity_text,
        case when is_refund then -value else value end as value,
        value_text,
        position,
        position_text,
        occurred_at,
        occurred_at_text,
        traffic_rule,
        traffic,
        is_refund
    from signed

),

final as (

    select
        turned.*,
        {{ kindred.rejection_reason('turned', has_catalogue) }} as rejection_reason
    from turned
    left join event_types
        on turned.event_type = event_types.event_type
    {%- if has_catalogue %}
    left join catalogue
        on turned.item_id = catalogue.item_id
    {%- endif %}

)

select * from final
