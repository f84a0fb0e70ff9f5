{#- Whether a text is a JSON array of numbers; null where it is null. Numbers of ten digits, or times 1e10, are none:
    the squares of what is larger have no place in 32 bits. A regular expression reads long vectors faster than a cast.
    -#}
{% macro is_vector(text) %}
    {%- set number = '-?(0|[1-9][0-9]{0,8})([.][0-9]+)?([eE]([+]?0?[0-9]|-[0-9]+))?' -%}
    {%- set space = '[ \t\r\n]*' -%}
    {%- set numbers = number ~ space ~ '(,' ~ space ~ number ~ space ~ ')*' -%}
    {%- set pattern = space ~ '[[]' ~ space ~ '(' ~ numbers ~ ')?[]]' ~ space -%}
    {{- return(adapter.dispatch('is_vector', 'kindred')(text, pattern)) -}}
{% endmacro %}

{% macro duckdb__is_vector(text, pattern) -%}
    regexp_full_match({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro snowflake__is_vector(text, pattern) -%}
    regexp_like({{ text }}, '{{ pattern }}')
{%- endmacro %}
