{#- What a JSON array or object holds, as a table to cross join: `key` and `value` of each entry. -#}
{% macro json_entries(json) %}
    {{- return(adapter.dispatch('json_entries', 'kindred')(json)) -}}
{% endmacro %}

{% macro duckdb__json_entries(json) -%}
    json_each({{ json }})
{%- endmacro %}

{% macro snowflake__json_entries(json) -%}
    lateral flatten(input => parse_json({{ json }}))
{%- endmacro %}

{#- The place of an entry of json_entries in its array, from 0. -#}
{% macro entry_place(entry) %}
    {{ return(adapter.dispatch('entry_place', 'kindred')(entry)) }}
{% endmacro %}

{% macro duckdb__entry_place(entry) %}
    {{ return("cast(" ~ entry ~ ".key as bigint)") }}
{% endmacro %}

{% macro snowflake__entry_place(entry) %}
    {{ return(entry ~ ".index") }}
{% endmacro %}
