{#- GA4's events in Fivetran's shape: parameters are columns, items a table of their own where there are any.
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
    {% set row = {
        'row_id': kindred.null_safe_key([
            kindred.raw_text(found, ['stream_id']), kindred.raw_text(found, ['user_pseudo_id']),
            kindred.raw_text(found, ['user_id']), kindred.raw_text(found, ['name']),
            kindred.raw_time(found, ['timestamp']), kindred.raw_text(found, ['bundle_sequence_id']),
            kindred.raw_text(found, ['batch_page_id']), kindred.raw_text(found, ['batch_ordering_id']),
            kindred.raw_text(found, ['batch_event_index']),
        ]),
        'product_number': 'coalesce(item.product_number, 0)' if is_linked else '0',
        'event_name': kindred.raw_text(found, ['name']),
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
        'traffic': kindred.ga4_traffic(
            kindred.raw_text(found, ['param_traffic_type']), kindred.raw_text(found, ['param_debug_mode'])
        ),
        'host': kindred.host_of(kindred.raw_text(found, ['param_page_location'])),
        'refusal': (
            "case when " ~ kindred.raw_boolean(found, ['is_intraday']) ~ " and " ~ found['date'].sql
            ~ " in (select daily." ~ adapter.quote('date') ~ " from " ~ tables['event'] ~ " as daily where not daily."
            ~ adapter.quote('is_intraday') ~ ") then 'duplicate' end"
        ) if 'is_intraday' in found and 'date' in found else 'null',
    } %}
    {% set relation %}
{{ tables['event'] }} as raw
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
    {{ return({'row': row, 'relation': relation}) }}
{% endmacro %}
