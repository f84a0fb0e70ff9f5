{#- The text of one key of a column that holds JSON objects as text; null where there is no such key or no JSON. -#}
{% macro json_text(column, key) %}
    {{- return(adapter.dispatch('json_text', 'kindred')(column, key)) -}}
{% endmacro %}

{% macro duckdb__json_text(column, key) -%}
    case when json_valid({{ column }}) then json_extract_string({{ column }}, '$."{{ key }}"') end
{%- endmacro %}

{% macro snowflake__json_text(column, key) -%}
    cast(try_parse_json({{ column }})['{{ key }}'] as varchar)
{%- endmacro %}
