{#- Whole years from a birth to today, by the calendar. -#}
{% macro member_age(born) -%}
    cast(floor(({{ date_digits(health_today()) }} - {{ date_digits(born) }}) / 10000) as bigint)
{%- endmacro %}

{#- A date as a number of eight digits: 20260601. -#}
{% macro date_digits(date) -%}
    (extract(year from {{ date }}) * 10000 + extract(month from {{ date }}) * 100 + extract(day from {{ date }}))
{%- endmacro %}
