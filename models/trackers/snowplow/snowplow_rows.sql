-- one row per product of a raw event, or per raw event without products
-- Contexts are columns of the events (Snowflake, BigQuery) or tables of their own (Redshift, PostgreSQL).
-- https://docs.snowplow.io/docs/fundamentals/canonical-event
{{ config(materialized='view', enabled=('snowplow' in kindred.named_trackers())) }}

{% set selects = [] %}
{% for schema in kindred.tracker_schemas('snowplow') %}
    {% set tables = kindred.schema_tables('snowplow', schema) %}
    {% if tables.get('events') %}
        {% do selects.append(kindred.snowplow_select(tables)) %}
    {% else %}
        {% do kindred.need_table('snowplow', schema, ['events'], tables) %}
    {% endif %}
{% endfor %}
{{ kindred.united_rows(selects) }}
