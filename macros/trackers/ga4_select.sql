{#- The events of one GA4 table in the shape of Google's BigQuery export: arrays of items and of parameters.
    https://support.google.com/analytics/answer/7029846 -#}
{% macro ga4_select(relation) %}
    {% set found = kindred.raw_columns(relation) %}
    {% set ecommerce = kindred.raw_json(found, ['ecommerce']) %}
    {% set privacy = kindred.raw_json(found, ['privacy_info']) %}
    {% set keys = kindred.item_keys('ga4', ['item_id']) %}
    {% set entry_id = kindred.set_text(kindred.entry_text('products', keys)) %}
    {% set sql %}
select
    {{ kindred.tracked_row({
        'row_id': kindred.null_safe_key([
            'context.stream_id', 'context.client_id', 'context.user_id', 'context.event', 'context.event_timestamp',
            'context.bundle_id', 'context.page_id', 'context.ordering_id', 'context.event_index', 'context.params',
        ]),
        'product_number': kindred.entry_place('products'),
        'event_name': kindred.folded_name('context.event'),
        'user_id': 'context.user_id',
        'anonymous_id': 'context.client_id',
        'session_id': "coalesce(context.client_id, context.user_id) || '.' || " ~ kindred.ga4_param('context.params', 'ga_session_id'),
        'item_id': entry_id,
        'occurred_at': kindred.since_1970('context.event_timestamp', 1000000),
        'received_at': kindred.since_1970('context.event_timestamp', 1000000),
        'quantity': kindred.entry_number('products', ['quantity']),
        'price': kindred.entry_number('products', ['price']),
        'amount': kindred.entry_number('products', ['item_revenue', 'item_refund']),
        'rating': "try_cast(" ~ kindred.ga4_param('context.params', 'rating') ~ " as double)",
        'currency': kindred.ga4_param('context.params', 'currency'),
        'order_id': kindred.set_text("coalesce(" ~ kindred.json_first('context.ecommerce', ['transaction_id']) ~ ", "
            ~ kindred.ga4_param('context.params', 'transaction_id') ~ ")"),
        'list_id': kindred.set_text("coalesce(" ~ kindred.entry_text('products', ['item_list_id', 'item_list_name']) ~ ", "
            ~ kindred.ga4_param('context.params', 'item_list_id') ~ ")"),
        'position': kindred.entry_number('products', ['item_list_index', 'index']),
        'query': kindred.ga4_param('context.params', 'search_term'),
        'title': kindred.set_text(kindred.entry_text('products', ['item_name'])),
        'brand': kindred.set_text(kindred.entry_text('products', ['item_brand'])),
        'category': kindred.set_text(kindred.entry_text('products', ['item_category'])),
        'refusal': "case when context.user_id is null and context.client_id is null and lower(coalesce("
            ~ kindred.json_first('context.privacy', ['analytics_storage'])
            ~ ", '')) in ('no', 'denied') then 'no_identity_by_consent' end",
    }) }}
from (
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
        {{ kindred.compact_json(kindred.raw_json(found, ['event_params'])) }} as params,
        {{ ecommerce }} as ecommerce,
        {{ privacy }} as privacy,
        {{ kindred.at_least_one(kindred.raw_json(found, ['items'])) }} as items
    from {{ relation }} as raw
) as context
cross join {{ kindred.json_entries('context.items') }} as products
    {% endset %}
    {{ return(sql) }}
{% endmacro %}

{#- The same of Fivetran's shape: parameters are columns, items a table of their own where there are any.
    https://fivetran.com/docs/connectors/applications/google-analytics-4-export -#}
{% macro ga4_fivetran_select(tables) %}
    {% set found = kindred.raw_columns(tables['event']) %}
    {% set item_relation = tables.get('item') %}
    {% set item = kindred.raw_columns(item_relation, 'item') if item_relation else {} %}
    {% set link = ['event_fivetran_id', '_event_fivetran_id', 'event_id'] | select('in', item) | first %}
    {% set is_linked = link is defined and link in item and '_fivetran_id' in found %}
    {% set keys = kindred.item_keys('ga4', ['item_id']) %}
    {% set item_id = kindred.set_text(kindred.raw_text(item, keys)) if is_linked else 'null' %}
    {% set own_id = kindred.set_text(kindred.raw_text(found, ['param_item_id'])) %}
    {% set order_columns = ['index', 'item_list_index', 'item_id'] | select('in', item) | list %}
    {% set sql %}
select
    {{ kindred.tracked_row({
        'row_id': kindred.null_safe_key([
            kindred.raw_text(found, ['stream_id']), kindred.raw_text(found, ['user_pseudo_id']),
            kindred.raw_text(found, ['user_id']), kindred.raw_text(found, ['name']),
            kindred.raw_time(found, ['timestamp']), kindred.raw_text(found, ['bundle_sequence_id']),
            kindred.raw_text(found, ['batch_page_id']), kindred.raw_text(found, ['batch_ordering_id']),
            kindred.raw_text(found, ['batch_event_index']),
        ]),
        'product_number': 'coalesce(item.product_number, 0)' if is_linked else '0',
        'event_name': kindred.folded_name(kindred.raw_text(found, ['name'])),
        'user_id': kindred.raw_text(found, ['user_id']),
        'anonymous_id': kindred.raw_text(found, ['user_pseudo_id']),
        'session_id': kindred.raw_text(found, ['user_pseudo_id', 'user_id']) ~ " || '.' || " ~ kindred.raw_text(found, ['param_ga_session_id']),
        'item_id': "coalesce(" ~ ('item.item_id' if is_linked else 'null') ~ ", " ~ own_id ~ ")",
        'occurred_at': kindred.raw_time(found, ['timestamp']),
        'received_at': kindred.raw_time(found, ['_fivetran_synced']),
        'quantity': 'item.quantity' if is_linked else 'null',
        'price': 'item.price' if is_linked else 'null',
        'amount': 'item.amount' if is_linked else 'null',
        'rating': kindred.raw_number(found, ['param_rating']),
        'currency': kindred.raw_text(found, ['param_currency']),
        'order_id': kindred.set_text(kindred.raw_text(found, ['ecommerce_transaction_id', 'param_transaction_id'])),
        'list_id': "coalesce(" ~ ('item.list_id' if is_linked else 'null') ~ ", "
            ~ kindred.set_text(kindred.raw_text(found, ['param_item_list_id'])) ~ ")",
        'position': 'item.position' if is_linked else kindred.raw_number(found, ['param_index']),
        'query': kindred.raw_text(found, ['param_search_term']),
        'title': 'item.title' if is_linked else 'null',
        'brand': 'item.brand' if is_linked else 'null',
        'category': 'item.category' if is_linked else 'null',
        'refusal': (
            "case when " ~ kindred.raw_boolean(found, ['is_intraday']) ~ " and " ~ found['date'].sql
            ~ " in (select daily." ~ adapter.quote('date') ~ " from " ~ tables['event'] ~ " as daily where not daily."
            ~ adapter.quote('is_intraday') ~ ") then 'duplicate' end"
        ) if 'is_intraday' in found and 'date' in found else 'null',
    }) }}
from {{ tables['event'] }} as raw
{% if is_linked %}
left join (
    select
        {{ kindred.raw_text(item, [link]) }} as event_key,
        row_number() over (
            partition by {{ item[link].sql }}
            order by {% for column in order_columns %}{{ item[column].sql }}{{ ", " if not loop.last }}{% endfor %}
        ) - 1 as product_number,
        {{ item_id }} as item_id,
        {{ kindred.raw_number(item, ['quantity']) }} as quantity,
        {{ kindred.raw_number(item, ['price']) }} as price,
        {{ kindred.raw_number(item, ['item_revenue', 'item_refund']) }} as amount,
        {{ kindred.set_text(kindred.raw_text(item, ['item_list_id', 'item_list_name'])) }} as list_id,
        {{ kindred.raw_number(item, ['item_list_index', 'index']) }} as position,
        {{ kindred.set_text(kindred.raw_text(item, ['item_name'])) }} as title,
        {{ kindred.set_text(kindred.raw_text(item, ['item_brand'])) }} as brand,
        {{ kindred.set_text(kindred.raw_text(item, ['item_category'])) }} as category
    from {{ item_relation }} as item
) as item
    on {{ kindred.raw_text(found, ['_fivetran_id']) }} = item.event_key
{% endif %}
    {% endset %}
    {{ return(sql) }}
{% endmacro %}

{#- GA4 writes (not set) for what is null. -#}
{% macro set_text(text) %}
    {{ return("nullif(" ~ text ~ ", '(not set)')") }}
{% endmacro %}

{#- A parameter by its key; it may be a text in one row and a number in another. -#}
{% macro ga4_param(params, key) %}
    {% set part = kindred.matched_part(params, '"key":"' ~ key ~ '","value":[{][^}]*[}]') %}
    {% set tree = kindred.json_tree("concat('{', " ~ part ~ ", '}')", 'value') %}
    {{ return(kindred.json_first(tree, ['string_value', 'int_value', 'double_value', 'float_value'])) }}
{% endmacro %}

{#- JSON text without blanks. -#}
{% macro compact_json(json) %}
    {{ return(adapter.dispatch('compact_json', 'kindred')(json)) }}
{% endmacro %}

{% macro duckdb__compact_json(json) %}
    {{ return("case when json_valid(" ~ json ~ ") then cast(json(" ~ json ~ ") as varchar) end") }}
{% endmacro %}

{% macro snowflake__compact_json(json) %}
    {{ return("to_json(try_parse_json(" ~ json ~ "))") }}
{% endmacro %}

{#- The part of a text that matches a pattern, null or '' where none does. -#}
{% macro matched_part(text, pattern) %}
    {{ return(adapter.dispatch('matched_part', 'kindred')(text, pattern)) }}
{% endmacro %}

{% macro duckdb__matched_part(text, pattern) %}
    {{ return("regexp_extract(" ~ text ~ ", '" ~ pattern ~ "')") }}
{% endmacro %}

{% macro snowflake__matched_part(text, pattern) %}
    {{ return("regexp_substr(" ~ text ~ ", '" ~ pattern ~ "')") }}
{% endmacro %}
