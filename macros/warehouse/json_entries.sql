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

{#- The same of an array alone. DuckDB joins back what json_each finds by the whole text of the JSON, which takes twice
    the time of a list. -#}
{% macro json_items(json) %}
    {{- return(adapter.dispatch('json_items', 'kindred')(json)) -}}
{% endmacro %}

{% macro duckdb__json_items(json) -%}
    (
        select
            unnest(arrays.items) as value,
            generate_subscripts(arrays.items, 1) - 1 as key
        from (select json_extract({{ json }}, '$[*]') as items) as arrays
    )
{%- endmacro %}

{% macro snowflake__json_items(json) -%}
    {{ kindred.json_entries(json) }}
{%- endmacro %}

{#- The place of an entry of json_entries or json_items in its array, from 0. -#}
{% macro entry_place(entry) %}
    {{ return(adapter.dispatch('entry_place', 'kindred')(entry)) }}
{% endmacro %}

{% macro duckdb__entry_place(entry) %}
    {{ return("cast(" ~ entry ~ ".key as bigint)") }}
{% endmacro %}

{% macro snowflake__entry_place(entry) %}
    {{ return(entry ~ ".index") }}
{% endmacro %}
