{#- The id of the list that this run publishes for a person: <run>-p-<person>, 8 and 16 hexadecimal digits. Impressions
    and clicks come back with it, through apps and trackers, so it doesn't show who the person is. -#}
{% macro list_id(user_id) -%}
    concat('{{ invocation_id[:8] }}-p-', substr(md5(concat('{{ invocation_id }}|', {{ user_id }})), 1, 16))
{%- endmacro %}
