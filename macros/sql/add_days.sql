{#- The moment so many whole days after another. -#}
{% macro add_days(moment, days) -%}
    {{ dbt.dateadd('day', days, moment) }}
{%- endmacro %}
