{#- Whether any part of a text matches a regular expression; null where the text is null. -#}
{% macro matches_part(text, pattern) %}
    {{- return(adapter.dispatch('matches_part', 'kindred')(text, pattern)) -}}
{% endmacro %}

{% macro duckdb__matches_part(text, pattern) -%}
    regexp_matches({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro snowflake__matches_part(text, pattern) -%}
    regexp_like({{ text }}, '.*({{ pattern }}).*', 's')
{%- endmacro %}

{#- Whether a text is a whole number that is written with decimals, as 1000.0 is. -#}
{% macro is_whole_number(text) %}
    {{- return(adapter.dispatch('is_whole_number', 'kindred')(text)) -}}
{% endmacro %}

{% macro duckdb__is_whole_number(text) -%}
    regexp_full_match({{ text }}, '-?[0-9]+[.]0+')
{%- endmacro %}

{% macro snowflake__is_whole_number(text) -%}
    regexp_like({{ text }}, '-?[0-9]+[.]0+')
{%- endmacro %}
