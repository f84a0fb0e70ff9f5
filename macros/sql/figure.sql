{#- A number with three decimals as text, the same on both warehouses. -#}
{% macro figure(column) -%}
    cast(cast({{ column }} as decimal(28, 3)) as varchar)
{%- endmacro %}
