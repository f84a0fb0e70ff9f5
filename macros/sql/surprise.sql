{#- One cell's part in a log-likelihood ratio: k * ln(k / what chance makes one expect), 0 for an empty cell. -#}
{% macro surprise(k, row_total, column_total, total) -%}
    coalesce(({{ k }}) * ln(nullif({{ k }}, 0) * {{ total }} / nullif(({{ row_total }}) * ({{ column_total }}), 0)), 0)
{%- endmacro %}
