{#- The id of the list that a run publishes for a person: <run>-p-<person>, 8 and 16 hexadecimal digits. Impressions and
    clicks come back with it, through apps and trackers, so it doesn't show who the person is. The run is the one that
    made the list, whichever builds the table at hand. -#}
{% macro list_id(user_id, run_id) -%}
    concat(substr({{ run_id }}, 1, 8), '-p-', substr(md5(concat({{ run_id }}, '|', {{ user_id }})), 1, 16))
{%- endmacro %}
