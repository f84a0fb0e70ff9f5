{#- A sum of fractions that may be very large, such as weights, the same in whatever order a parallel warehouse meets
    the rows: to `scale` decimals, below 10^(38 - scale). over: the window it is a sum over, if any. -#}
{% macro wide_sum(expression, scale=10, over='') -%}
    cast(sum(cast({{ expression }} as decimal(38, {{ scale }}))) {{- " over (" ~ over ~ ")" if over }} as double)
{%- endmacro %}
