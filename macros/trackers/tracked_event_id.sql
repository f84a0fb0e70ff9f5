{#- The id of the event of a tracker's row: tracker, raw row, and the product's place where it isn't the first. -#}
{% macro tracked_event_id(row) -%}
    concat(
        {{ row }}.source, ':', {{ row }}.row_id,
        case
            when {{ row }}.product_number > 0 then concat('/', cast(cast({{ row }}.product_number as bigint) as varchar))
            else ''
        end
    )
{%- endmacro %}

{#- The raw row in such an id. -#}
{% macro raw_row_of(row) -%}
    nullif(substr(
        {{ row }}.event_id,
        length({{ row }}.source) + 2,
        length({{ row }}.event_id) - length({{ row }}.source) - 1 - case
            when {{ row }}.product_number > 0
                then 1 + length(cast(cast({{ row }}.product_number as bigint) as varchar))
            else 0
        end
    ), '')
{%- endmacro %}
