{#- Days from one timestamp to another, with their fraction. The cast comes first: Snowflake would round the quotient of
    two whole numbers to six places. -#}
{% macro days_between(first, second) -%}
    cast({{ dbt.datediff(first, second, 'second') }} as double) / 86400
{%- endmacro %}
