{#- A sum that doesn't depend on the order in which a parallel warehouse meets the rows: added up in whole numbers of
    10^-scale, so that the same input gives the same output to the last bit. What is summed stays below 9 * 10^(18 -
    scale). -#}
{% macro exact_sum(expression, scale=6) -%}
    (cast(sum(cast(({{ expression }}) * 1e{{ scale }} as bigint)) as double) / 1e{{ scale }})
{%- endmacro %}
