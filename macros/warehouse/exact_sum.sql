{#- A sum that doesn't depend on the order in which a parallel warehouse meets the rows: added up in fixed point, so
    that the same input gives the same output to the last bit. `scale` = decimal places kept of 18 digits in all. -#}
{% macro exact_sum(expression, scale=6) -%}
    cast(sum(cast({{ expression }} as decimal(18, {{ scale }}))) as double)
{%- endmacro %}
