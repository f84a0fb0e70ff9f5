{#- The median of four columns of a row: what is left without the largest and the smallest, halved. Null where one of
    them is null. -#}
{% macro median_of_four(columns) -%}
    {%- set listed = columns | join(', ') -%}
    ({{ columns | join(' + ') }} - greatest({{ listed }}) - least({{ listed }})) / 2
{%- endmacro %}
