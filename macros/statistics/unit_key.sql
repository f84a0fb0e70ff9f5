{#- The key by which a unit falls into an arm: the first 8 hexadecimal digits of the md5 of the experiment, its salt and
    the unit. Keys are compared as text, which has the order of the numbers. -#}
{% macro unit_key(experiment_id, salt, unit) -%}
    substr(md5(concat({{ experiment_id }}, '|', {{ salt }}, '|', {{ unit }})), 1, 8)
{%- endmacro %}
