{#- A table function with its arguments, as it stands after `from`. -#}
{% macro call_table_function(relation, arguments) %}
    {{- return(adapter.dispatch('call_table_function', 'kindred')(relation, arguments)) -}}
{% endmacro %}

{% macro duckdb__call_table_function(relation, arguments) -%}
    {{ relation }}({{ arguments | join(', ') }})
{%- endmacro %}

{% macro snowflake__call_table_function(relation, arguments) -%}
    table({{ relation }}({{ arguments | join(', ') }}))
{%- endmacro %}
