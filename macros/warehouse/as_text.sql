{#- A column as text; lists and structures as JSON. -#}
{% macro as_text(column, data_type) %}
    {{- return(adapter.dispatch('as_text', 'kindred')(column, data_type)) -}}
{% endmacro %}

{% macro duckdb__as_text(column, data_type) -%}
    {%- if '[' in data_type or data_type.startswith('struct') or data_type.startswith('map') -%}
        cast(to_json({{ column }}) as varchar)
    {%- else -%}
        cast({{ column }} as varchar)
    {%- endif -%}
{%- endmacro %}

{% macro snowflake__as_text(column, data_type) -%}
    {%- if data_type.startswith('vector') -%}
        to_json(cast({{ column }} as array))
    {%- elif data_type.startswith('array') or data_type.startswith('object') or data_type.startswith('map') -%}
        to_json({{ column }})
    {%- else -%}
        cast({{ column }} as varchar)
    {%- endif -%}
{%- endmacro %}
