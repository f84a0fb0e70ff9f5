{#- The UTC day of a moment as text, 20260501: it stands in the keys of what is drawn by chance once a day, so that a
    replay draws the same and the next day draws again. -#}
{% macro day_digits(moment) -%}
    cast(extract(year from {{ moment }}) * 10000 + extract(month from {{ moment }}) * 100
        + extract(day from {{ moment }}) as varchar)
{%- endmacro %}
