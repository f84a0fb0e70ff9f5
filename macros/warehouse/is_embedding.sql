{#- Whether a text is an embedding: a JSON array of numbers, or an object of such arrays by name; null where it is null.
    Names are of letters, digits and _. Numbers of ten digits, or times 1e10, are none: the squares of what is larger
    have no place in 32 bits. A regular expression reads long vectors faster than a cast. -#}
{% macro is_embedding(text) %}
    {%- set number = '-?(0|[1-9][0-9]{0,8})([.][0-9]+)?([eE]([+]?0?[0-9]|-[0-9]+))?' -%}
    {%- set space = '[ \t\r\n]*' -%}
    {%- set numbers = number ~ space ~ '(,' ~ space ~ number ~ space ~ ')*' -%}
    {%- set vector = '[[]' ~ space ~ '(' ~ numbers ~ ')?[]]' -%}
    {%- set entry = '"[A-Za-z0-9_]+"' ~ space ~ ':' ~ space ~ vector ~ space -%}
    {%- set object = '[{]' ~ space ~ '(' ~ entry ~ '(,' ~ space ~ entry ~ ')*)?[}]' -%}
    {%- set pattern = space ~ '(' ~ vector ~ '|' ~ object ~ ')' ~ space -%}
    {{- return(adapter.dispatch('is_embedding', 'kindred')(text, pattern)) -}}
{% endmacro %}

{% macro duckdb__is_embedding(text, pattern) -%}
    regexp_full_match({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro snowflake__is_embedding(text, pattern) -%}
    regexp_like({{ text }}, '{{ pattern }}')
{%- endmacro %}
