{#- Deletes the rows of recommendation_log that are older than kindred__experiments.log_days. A hook and not a text in
    the model's configuration, where the clock would make dbt's `state:modified` find the model changed in each run. -#}
{% macro forget_old_lists(log) %}
    {%- set log_days = kindred.setting('experiments', 'log_days') | int -%}
    {%- set now = "cast('" ~ kindred.run_clock() ~ "' as timestamp)" -%}
    {%- if log_days > 0 -%}
        delete from {{ log }} where generated_at < {{ dbt.dateadd('day', -log_days, now) }}
    {%- endif -%}
{% endmacro %}
