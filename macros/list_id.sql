{#- The id of a person's published list, from SQL expressions for the run and the person: impressions and clicks come back
    with it. `p` stands for published; lists made at request time have another letter there, and a random end. -#}
{% macro list_id(run_id='run_id', user_id='user_id') -%}
    concat(substr({{ run_id }}, 1, 8), '-p-', substr(md5(concat({{ run_id }}, '|', {{ user_id }})), 1, 16))
{%- endmacro %}
