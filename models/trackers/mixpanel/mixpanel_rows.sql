-- one row per product of a raw event, or per raw event without products
-- Mixpanel itself tells events apart by name, person, time and insert id.
-- https://docs.mixpanel.com/reference/event-deduplication
{{ config(materialized='view', enabled=('mixpanel' in kindred.named_trackers())) }}

{% set selects = [] %}
{% for schema in kindred.tracker_schemas('mixpanel') %}
    {% set tables = kindred.schema_tables('mixpanel', schema) %}
    {% set table = tables.get('event') or tables.get('mp_master_event') %}
    {% if table %}
        {% set found = kindred.raw_columns(table) %}
        {% set name = kindred.raw_text(found, ['name', 'event_name']) %}
        {% set properties = kindred.json_reader('properties', 'context.properties') %}
        {% set products = kindred.property_products('context.properties') %}
        {% set user_id = "coalesce(context.user_id, " ~ kindred.read_text(properties, ['user_id']) ~ ")" %}
        {% set row = kindred.property_row('mixpanel', properties, products, {
            'row_id': kindred.null_safe_key(['context.event', 'context.distinct_id', 'context.occurred_at', 'context.insert_id']),
            'event_name': 'context.event',
            'user_id': user_id,
            'anonymous_id': "regexp_replace(coalesce(context.device_id, " ~ kindred.read_text(properties, ['device_id'])
                ~ ", nullif(context.distinct_id, " ~ user_id ~ ")), '^.?device:', '')",
            'occurred_at': 'context.occurred_at',
            'received_at': 'context.received_at',
        }) %}
        {% set relation %}
(
    select
        {{ name }} as event,
        {{ kindred.raw_text(found, ['distinct_id']) }} as distinct_id,
        {{ kindred.raw_text(found, ['user_id']) }} as user_id,
        {{ kindred.raw_text(found, ['device_id']) }} as device_id,
        {{ kindred.raw_text(found, ['insert_id']) }} as insert_id,
        {{ kindred.raw_time(found, ['time'], kindred.tracker_zone('mixpanel')) }} as occurred_at,
        {{ kindred.raw_time(found, ['_fivetran_synced']) }} as received_at,
        {{ kindred.without_dollars(kindred.raw_text(found, ['properties'])) }} as properties
    from {{ table }} as raw
)
        {% endset %}
        {% do selects.append({'row': row, 'relation': kindred.read_rows(relation, 'context', [properties, products])}) %}
    {% else %}
        {% do kindred.need_table('mixpanel', schema, ['event', 'mp_master_event'], tables) %}
    {% endif %}
{% endfor %}
{{ kindred.united_rows(selects) }}
