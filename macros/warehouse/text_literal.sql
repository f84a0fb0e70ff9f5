{#- A text as a SQL literal. -#}
{% macro text_literal(text) %}
    {{- return(adapter.dispatch('text_literal', 'kindred')(text)) -}}
{% endmacro %}

{% macro duckdb__text_literal(text) -%}
    '{{ text | replace("'", "''") }}'
{%- endmacro %}

{#- Inside quotes Snowflake takes a backslash for the beginning of an escape. -#}
{% macro snowflake__text_literal(text) -%}
    '{{ text | replace("\\", "\\\\") | replace("'", "''") }}'
{%- endmacro %}
