-- one row per product of a raw event, or per raw event without products
-- amplitude_id is a guess at a person and no device: it is not read.
-- https://amplitude.com/docs/data/sources/amplitude-id-assignment
{{ config(materialized='view', enabled=('amplitude' in kindred.named_trackers())) }}

{% set selects = [] %}
{% for schema in kindred.tracker_schemas('amplitude') %}
    {% set tables = kindred.schema_tables('amplitude', schema) %}
    {% set names = [] %}
    {% for name in tables if name == 'event' or name.startswith('events_') %}{% do names.append(name) %}{% endfor %}
    {% for name in names %}
        {% set found = kindred.raw_columns(tables[name]) %}
        {% set properties = kindred.json_reader('properties', 'context.properties') %}
        {% set products = kindred.property_products('context.properties') %}
        {% set row = kindred.property_row('amplitude', properties, products, {
            'row_id': 'context.row_id',
            'event_name': 'context.event',
            'user_id': 'context.user_id',
            'anonymous_id': 'context.device_id',
            'session_id': "coalesce(context.device_id, context.user_id) || '.' || nullif(context.session_id, '-1')",
            'occurred_at': 'context.occurred_at',
            'received_at': 'context.received_at',
            'ip_address': 'context.ip_address',
        }) %}
        {% set relation %}
(
    select
        coalesce(
            {{ kindred.raw_text(found, ['uuid']) }},
            {{ kindred.raw_text(found, ['_insert_id', 'insert_id']) }},
            {{ kindred.null_safe_key([
                kindred.raw_text(found, ['device_id']), kindred.raw_text(found, ['id', 'event_id']),
                kindred.raw_time(found, ['server_upload_time']),
            ]) }}
        ) as row_id,
        {{ kindred.raw_text(found, ['event_type']) }} as event,
        {{ kindred.raw_text(found, ['user_id']) }} as user_id,
        {{ kindred.raw_text(found, ['device_id']) }} as device_id,
        {{ kindred.raw_text(found, ['session_id']) }} as session_id,
        {{ kindred.raw_time(found, ['event_time', 'client_event_time'], kindred.tracker_zone('amplitude')) }} as occurred_at,
        {{ kindred.raw_time(found, ['server_upload_time', 'server_received_time']) }} as received_at,
        {{ kindred.raw_text(found, ['ip_address']) }} as ip_address,
        {{ kindred.without_dollars(kindred.raw_text(found, ['event_properties'])) }} as properties
    from {{ tables[name] }} as raw
)
        {% endset %}
        {% do selects.append({'row': row, 'relation': kindred.read_rows(relation, 'context', [properties, products])}) %}
    {% endfor %}
    {% if not names %}{% do kindred.need_table('amplitude', schema, ['event', 'events_<app>'], tables) %}{% endif %}
{% endfor %}
{{ kindred.united_rows(selects) }}
