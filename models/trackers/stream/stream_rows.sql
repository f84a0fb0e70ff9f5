-- one row per product of a landed message, or per message without products
-- A message is JSON of the columns of `events`, or a track call as Segment's libraries send it.
{{ config(materialized='view', enabled=('stream' in kindred.named_trackers())) }}

{% set selects = [] %}
{% for schema in kindred.tracker_schemas('stream') %}
    {% set tables = kindred.schema_tables('stream', schema) %}
    {% set messages = kindred.stream_messages(tables) %}
    {% for message in messages %}
        {% set select %}
select
    {{ kindred.property_row('stream', 'context.properties', {
        'row_id': "coalesce(" ~ kindred.json_first('context.payload', ['event_id', 'messageId']) ~ ", context.place)",
        'event_name': kindred.json_first('context.payload', ['event_type', 'event', 'type']),
        'user_id': kindred.json_first('context.payload', ['user_id', 'userId']),
        'anonymous_id': kindred.json_first('context.payload', ['anonymous_id', 'anonymousId']),
        'occurred_at': kindred.try_convert(
            "coalesce(" ~ kindred.json_first('context.payload', ['occurred_at', 'timestamp', 'originalTimestamp']) ~ ", '')",
            'varchar', 'timestamp'
        ),
        'received_at': 'context.received_at',
        'user_agent': "coalesce(" ~ kindred.json_first('context.properties', ['user_agent']) ~ ", "
            ~ kindred.json_first('context.sender', ['userAgent']) ~ ")",
        'host': "coalesce(" ~ kindred.json_first('context.properties', ['host']) ~ ", "
            ~ kindred.host_of(kindred.json_first('context.page', ['url'])) ~ ")",
        'ip_address': "coalesce(" ~ kindred.json_first('context.properties', ['ip_address']) ~ ", "
            ~ kindred.json_first('context.sender', ['ip']) ~ ")",
        'refusal': "case when context.properties is null then 'invalid_payload' end",
    }) }}
from (
    select
        {{ message.place }} as place,
        {{ message.payload }} as payload,
        coalesce(
            {{ kindred.json_tree(message.payload, 'properties') }}, {{ kindred.compact_json(message.payload) }}
        ) as properties,
        {{ kindred.json_tree(message.payload, 'context') }} as sender,
        {{ kindred.json_tree(kindred.json_tree(message.payload, 'context'), 'page') }} as page,
        {{ message.received_at }} as received_at
    from {{ message.relation }} as raw
) as context
cross join {{ kindred.property_products('context.properties') }} as products
        {% endset %}
        {% do selects.append(select) %}
    {% else %}
        {% do kindred.need_table('stream', schema, ['landed_events', '... with RECORD_CONTENT and RECORD_METADATA'], tables) %}
    {% endfor %}
{% endfor %}
{{ kindred.united_rows(selects) }}
