{#- Whether a text is a list of JSON; false where it is null. -#}
{% macro is_json_list(text) %}
    {{- return(adapter.dispatch('is_json_list', 'kindred')(text)) -}}
{% endmacro %}

{% macro duckdb__is_json_list(text) -%}
    coalesce(json_type(case when json_valid({{ text }}) then {{ text }} end) = 'ARRAY', false)
{%- endmacro %}

{% macro snowflake__is_json_list(text) -%}
    coalesce(is_array(try_parse_json({{ text }})), false)
{%- endmacro %}
