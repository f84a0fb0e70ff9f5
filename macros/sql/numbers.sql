{#- A query of the whole numbers from 0 to n - 1, one row each, as `number`. -#}
{% macro numbers(n) -%}
    {%- for number in range(n) %}select {{ number }} as number{{ " union all " if not loop.last }}{% endfor -%}
{%- endmacro %}
