-- one row per product of a landed message, or per message without products
-- A message is JSON of the columns of `events`, or a track call as Segment's libraries send it.
{{ config(materialized='view', enabled=('stream' in kindred.named_trackers())) }}

{% set selects = [] %}
{% for schema in kindred.tracker_schemas('stream') %}
    {% set tables = kindred.schema_tables('stream', schema) %}
    {% set messages = kindred.stream_messages(tables) %}
    {% for message in messages %}
        {% set readers = {} %}
        {% for name in ['payload', 'properties', 'sender', 'page'] %}
            {% do readers.update({name: kindred.json_reader(name, 'context.' ~ name)}) %}
        {% endfor %}
        {% set payload, properties = readers.payload, readers.properties %}
        {% set products = kindred.property_products('context.properties') %}
        {% set row = kindred.property_row('stream', properties, products, {
            'row_id': "coalesce(" ~ kindred.read_text(payload, ['event_id', 'messageId']) ~ ", context.place)",
            'event_name': kindred.read_text(payload, ['event_type', 'event', 'type']),
            'user_id': kindred.read_text(payload, ['user_id', 'userId']),
            'anonymous_id': kindred.read_text(payload, ['anonymous_id', 'anonymousId']),
            'occurred_at': kindred.try_convert(
                "coalesce(" ~ kindred.read_text(payload, ['occurred_at', 'timestamp', 'originalTimestamp']) ~ ", '')",
                'varchar', 'timestamp'
            ),
            'received_at': 'context.received_at',
            'user_agent': "coalesce(" ~ kindred.read_text(properties, ['user_agent']) ~ ", "
                ~ kindred.read_text(readers.sender, ['userAgent']) ~ ")",
            'host': "coalesce(" ~ kindred.read_text(properties, ['host']) ~ ", "
                ~ kindred.host_of(kindred.read_text(readers.page, ['url'])) ~ ")",
            'ip_address': "coalesce(" ~ kindred.read_text(properties, ['ip_address']) ~ ", "
                ~ kindred.read_text(readers.sender, ['ip']) ~ ")",
            'refusal': "case when context.properties is null then 'invalid_payload' end",
        }) %}
        {% set relation %}
(
    select
        {{ message.place }} as place,
        {{ message.payload }} as payload,
        coalesce(
            {{ kindred.json_tree(message.payload, ['properties']) }}, {{ kindred.compact_json(message.payload) }}
        ) as properties,
        {{ kindred.json_tree(message.payload, ['context']) }} as sender,
        {{ kindred.json_tree(kindred.json_tree(message.payload, ['context']), ['page']) }} as page,
        {{ message.received_at }} as received_at
    from {{ message.relation }} as raw
)
        {% endset %}
        {% set all_readers = (readers.values() | list) + [products] %}
        {% do selects.append({'row': row, 'relation': kindred.read_rows(relation, 'context', all_readers)}) %}
    {% else %}
        {% do kindred.need_table('stream', schema, ['landed_events', '... with RECORD_CONTENT and RECORD_METADATA'], tables) %}
    {% endfor %}
{% endfor %}
{{ kindred.united_rows(selects) }}
