{#- What `dbt source freshness` asks of the events' table: the time of the newest event that isn't in the future. -#}
{% macro newest_event_query() %}
{%- set data_type = kindred.input_columns('events').get('occurred_at', 'timestamp') -%}
{%- set moment = kindred.try_convert('occurred_at', data_type, 'timestamp') -%}
select max({{ moment }})
from {{ kindred.input_relation('events') }}
where {{ moment }} <= cast('{{ kindred.run_clock() }}' as timestamp)
{% endmacro %}
