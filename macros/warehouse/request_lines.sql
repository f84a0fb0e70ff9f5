{#- A query of what the service logged (kindred serve --request-log), one row per request. On DuckDB it reads files
    of JSON lines, on Snowflake the table that a shop loads them into. No rows where nothing is named or nothing is there
    yet. -#}
{% macro request_lines() %}
    {%- set place = kindred.setting('serving', 'request_log') -%}
    {%- set query = adapter.dispatch('request_lines', 'kindred')(place) if place and execute -%}
    {{- query or kindred.no_request_lines() -}}
{% endmacro %}

{% macro request_columns() %}
    {{ return({
        'answered_at': 'timestamp', 'release': 'varchar', 'endpoint': 'varchar', 'status': 'bigint', 'ms': 'double',
        'is_empty': 'boolean',
    }) }}
{% endmacro %}

{% macro no_request_lines() -%}
    {%- set fields = [] -%}
    {%- for name, data_type in kindred.request_columns().items() -%}
        {%- do fields.append("cast(null as " ~ data_type ~ ") as " ~ name) -%}
    {%- endfor -%}
    select {{ fields | join(', ') }} where false
{%- endmacro %}

{#- A line that a killed service or a full disk left in pieces is passed over. -#}
{% macro duckdb__request_lines(place) %}
    {% set files = kindred.text_literal(place if '*' in place else place ~ '/*.jsonl') %}
    {% if not run_query("select file from glob(" ~ files ~ ")").rows %}{{ return('') }}{% endif %}
    {% set columns = [] %}
    {% for name, data_type in kindred.request_columns().items() %}
        {% do columns.append(name ~ ": '" ~ data_type ~ "'") %}
    {% endfor %}
    {{ return(
        "select * from read_json(" ~ files ~ ", format = 'newline_delimited', ignore_errors = true, columns = {"
        ~ columns | join(', ') ~ "})"
    ) }}
{% endmacro %}

{% macro snowflake__request_lines(place) %}
    {% set relation = kindred.pointed_relation(place, 'kindred__serving has request_log') %}
    {% if not load_relation(relation) %}{{ return('') }}{% endif %}
    {% set fields = [] %}
    {% for name, data_type in kindred.request_columns().items() %}
        {% do fields.append("cast(" ~ name ~ " as " ~ data_type ~ ") as " ~ name) %}
    {% endfor %}
    {{ return("select " ~ fields | join(', ') ~ " from " ~ relation) }}
{% endmacro %}
