{#- What `dbt source freshness` asks of the events' table: the time of the newest event that isn't in the future. -#}
{% macro newest_event_query() %}
select max({{ kindred.try_convert('occurred_at', kindred.input_columns('events').get('occurred_at', 'timestamp'), 'timestamp') }})
from {{ kindred.input_relation('events') }}
where {{ kindred.try_convert('occurred_at', kindred.input_columns('events').get('occurred_at', 'timestamp'), 'timestamp') }}
    <= cast('{{ kindred.run_clock() }}' as timestamp)
{% endmacro %}
