{#- The day on which ages and due dates are reckoned. -#}
{% macro health_today() -%}
    cast('{{ var("today") or run_started_at.strftime("%Y-%m-%d") }}' as date)
{%- endmacro %}
