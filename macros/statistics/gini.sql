{#- The Gini coefficient of whole numbers x that stand in the places 1 to n of their order: 0 where all are equal, near
    1 where one has all. Null where all are 0. An aggregate over columns; n is the same in all rows. -#}
{% macro gini(x, place, n) -%}
    cast(sum(cast((2 * {{ place }} - {{ n }} - 1) * {{ x }} as decimal(38, 0))) as double)
    / nullif(max({{ n }}) * cast(sum({{ x }}) as double), 0)
{%- endmacro %}
