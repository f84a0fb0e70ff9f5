{#- The warehouse's clock, a timestamp in UTC. -#}
{% macro utc_now() %}
    {{- return(adapter.dispatch('utc_now', 'kindred')()) -}}
{% endmacro %}

{% macro duckdb__utc_now() -%}
    cast(current_timestamp at time zone 'UTC' as timestamp)
{%- endmacro %}

{% macro snowflake__utc_now() -%}
    cast(convert_timezone('UTC', current_timestamp()) as timestamp)
{%- endmacro %}
