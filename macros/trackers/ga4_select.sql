{#- The events of one GA4 table in the shape of Google's BigQuery export: arrays of items and of parameters.
    https://support.google.com/analytics/answer/7029846 -#}
{% macro ga4_select(table) %}
    {% set found = kindred.raw_columns(table) %}
    {% set keys = kindred.item_keys('ga4', ['item_id']) %}
    {% set products = kindred.json_reader('products', 'context.items', 'entries') %}
    {% set ecommerce = kindred.json_reader('ecommerce', 'context.ecommerce') %}
    {% set privacy = kindred.json_reader('privacy', 'context.privacy') %}
    {% set row = {
        'row_id': kindred.null_safe_key([
            'context.stream_id', 'context.client_id', 'context.user_id', 'context.event', 'context.event_timestamp',
            'context.bundle_id', 'context.page_id', 'context.ordering_id', 'context.event_index', 'context.params',
        ]),
        'product_number': kindred.read_place(products),
        'event_name': 'context.event',
        'user_id': 'context.user_id',
        'anonymous_id': 'context.client_id',
        'session_id': "coalesce(context.client_id, context.user_id) || '.' || " ~ kindred.ga4_param('context.params', 'ga_session_id'),
        'item_id': kindred.set_text(kindred.read_text(products, keys)),
        'occurred_at': kindred.from_microseconds('context.event_timestamp'),
        'received_at': kindred.from_microseconds('context.event_timestamp'),
        'quantity': kindred.read_number(products, ['quantity']),
        'price': kindred.read_number(products, ['price']),
        'amount': kindred.read_number(products, ['item_revenue', 'item_refund']),
        'rating': "try_cast(" ~ kindred.ga4_param('context.params', 'rating') ~ " as double)",
        'currency': kindred.ga4_param('context.params', 'currency'),
        'order_id': kindred.set_text("coalesce(" ~ kindred.read_text(ecommerce, ['transaction_id']) ~ ", "
            ~ kindred.ga4_param('context.params', 'transaction_id') ~ ")"),
        'list_id': kindred.set_text("coalesce(" ~ kindred.read_text(products, ['item_list_id', 'item_list_name']) ~ ", "
            ~ kindred.ga4_param('context.params', 'item_list_id') ~ ")"),
        'position': kindred.read_number(products, ['item_list_index', 'index']),
        'query': kindred.ga4_param('context.params', 'search_term'),
        'title': kindred.set_text(kindred.read_text(products, ['item_name'])),
        'brand': kindred.set_text(kindred.read_text(products, ['item_brand'])),
        'category': kindred.set_text(kindred.read_text(products, ['item_category'])),
        'traffic': kindred.ga4_traffic(
            kindred.ga4_param('context.params', 'traffic_type'), kindred.ga4_param('context.params', 'debug_mode')
        ),
        'host': kindred.host_of(kindred.ga4_param('context.params', 'page_location')),
        'refusal': "case when context.user_id is null and context.client_id is null and lower(coalesce("
            ~ kindred.read_text(privacy, ['analytics_storage'])
            ~ ", '')) in ('no', 'denied') then 'no_identity_by_consent' end",
    } %}
    {% set relation %}
(
    select
        {{ kindred.raw_text(found, ['stream_id']) }} as stream_id,
        {{ kindred.raw_text(found, ['user_pseudo_id', 'client_id']) }} as client_id,
        {{ kindred.raw_text(found, ['user_id']) }} as user_id,
        {{ kindred.raw_text(found, ['event_name']) }} as event,
        {{ kindred.raw_number(found, ['event_timestamp']) }} as event_timestamp,
        {{ kindred.raw_text(found, ['event_bundle_sequence_id']) }} as bundle_id,
        {{ kindred.raw_text(found, ['batch_page_id']) }} as page_id,
        {{ kindred.raw_text(found, ['batch_ordering_id']) }} as ordering_id,
        {{ kindred.raw_text(found, ['batch_event_index']) }} as event_index,
        {{ kindred.compact_json(kindred.raw_text(found, ['event_params'])) }} as params,
        {{ kindred.raw_text(found, ['ecommerce']) }} as ecommerce,
        {{ kindred.raw_text(found, ['privacy_info']) }} as privacy,
        {{ kindred.raw_text(found, ['items']) }} as items
    from {{ table }} as raw
)
    {% endset %}
    {{ return({'row': row, 'relation': kindred.read_rows(relation, 'context', [products, ecommerce, privacy])}) }}
{% endmacro %}

{#- GA4 writes (not set) for what is null. -#}
{% macro set_text(text) %}
    {{ return("nullif(" ~ text ~ ", '(not set)')") }}
{% endmacro %}

{#- A parameter by its key; it may be a text in one row and a number in another. -#}
{% macro ga4_param(params, key) %}
    {% set part = kindred.matched_part(params, '"key":"' ~ key ~ '","value":[{][^}]*[}]') %}
    {% set tree = kindred.json_tree("concat('{', " ~ part ~ ", '}')", ['value']) %}
    {{ return(kindred.json_first(tree, ['string_value', 'int_value', 'double_value', 'float_value'])) }}
{% endmacro %}

{#- What a data filter of GA4 says of an event, and its debug mode. https://support.google.com/analytics/answer/10104470
    -#}
{% macro ga4_traffic(traffic_type, debug_mode) %}
    {{ return("case when " ~ debug_mode ~ " in ('1', 'true') then 'internal' else " ~ traffic_type ~ " end") }}
{% endmacro %}
