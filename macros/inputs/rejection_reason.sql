{#- Why an event can't be used, null = it can, as SQL over a typed event and what it is joined with: event_types and,
    where there are items, catalogue. The first reason that applies is the one reported, so each row has one. -#}
{% macro rejection_reason(row, has_catalogue) -%}
    case
        when {{ row }}.event_id is null then 'missing_event_id'
        when coalesce({{ row }}.user_id, {{ row }}.anonymous_id) is null
            then case when {{ row }}.has_blocked_id then 'blocked_identity' else 'missing_person' end
        when {{ row }}.event_type is null then 'missing_event_type'
        when event_types.event_type is null and {{ row }}.is_refund then 'negative_value'
        when event_types.event_type is null then 'unknown_event_type'
        when {{ row }}.occurred_at is null and {{ row }}.occurred_at_text is null then 'missing_time'
        when {{ row }}.occurred_at is null then 'invalid_time'
        when {{ row }}.occurred_at < cast('1990-01-01' as timestamp) then 'too_early'
        when {{ row }}.occurred_at > cast('{{ kindred.run_clock() }}' as timestamp) then 'in_future'
        when {{ row }}.item_id is null and {{ row }}.event_type not in ('search', 'exposure', 'send') then 'missing_item'
        {% if has_catalogue -%}
        when {{ row }}.item_id is not null and catalogue.item_id is null then 'unknown_item'
        {% endif -%}
        when {{ row }}.quantity is null and {{ row }}.quantity_text is not null then 'invalid_quantity'
        when {{ row }}.quantity < 0 then 'negative_quantity'
        when {{ row }}.value is null and {{ row }}.value_text is not null then 'invalid_value'
        when {{ row }}.position is null and {{ row }}.position_text is not null then 'invalid_position'
    end
{%- endmacro %}
