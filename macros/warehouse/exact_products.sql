{#- A sum of products of two whole-number columns, exact and so the same in whatever order the rows come. -#}
{% macro exact_products(one, other) %}
    {{- return(adapter.dispatch('exact_products', 'kindred')(one, other)) -}}
{% endmacro %}

{% macro duckdb__exact_products(one, other) -%}
    coalesce(sum(cast({{ one }} as hugeint) * {{ other }}), 0)
{%- endmacro %}

{% macro snowflake__exact_products(one, other) -%}
    coalesce(sum(cast({{ one }} as number(38, 0)) * {{ other }}), 0)
{%- endmacro %}
