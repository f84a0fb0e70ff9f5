{#- What an adapter makes of a tracker that keeps all of an event in one JSON object: `properties` is its reader,
    `products` that of its products (kindred.property_products). Keys are those of Segment's specification and the
    trackers' own. -#}
{% macro property_row(tracker, properties, products, given) %}
    {% set keys = kindred.item_keys(
        tracker, ['product_id', 'productId', 'item_id', 'sku', 'content_id', 'video_id', 'id']
    ) %}
    {% set entry_id = kindred.read_text(products, keys) %}
    {% set row = {
        'product_number': kindred.read_place(products),
        'item_id': kindred.first_of([entry_id, kindred.read_text(properties, keys)], 'varchar'),
        'position': kindred.first_of([
            kindred.read_number(products, ['position', 'index']), kindred.read_number(properties, ['position'])
        ], 'double'),
        'rating': kindred.read_number(properties, ['rating']),
        'amount': "case when " ~ entry_id ~ " is null then "
            ~ kindred.read_number(properties, ['revenue', 'total', 'value', 'amount']) ~ " end",
        'currency': kindred.read_text(properties, ['currency']),
        'order_id': kindred.read_text(properties, ['order_id', 'orderId', 'transaction_id']),
        'list_id': kindred.read_text(properties, ['list_id', 'listId']),
        'query': kindred.read_text(properties, ['query', 'search_term', 'search_query']),
        'session_id': kindred.read_text(properties, ['session_id']),
        'traffic': kindred.read_text(properties, ['traffic']),
        'user_agent': kindred.read_text(properties, ['user_agent', 'userAgent']),
        'host': kindred.first_of([
            kindred.read_text(properties, ['host']),
            kindred.host_of(kindred.read_text(properties, ['current_url', 'page_url', 'url'])),
        ], 'varchar'),
        'ip_address': kindred.read_text(properties, ['ip_address', 'ip']),
    } %}
    {% for column in ['quantity', 'price', 'discount'] %}
        {% do row.update({column: kindred.first_of(
            [kindred.read_number(products, [column]), kindred.read_number(properties, [column])], 'double'
        )}) %}
    {% endfor %}
    {% for column, names in {'title': ['name', 'title'], 'brand': ['brand'], 'category': ['category']}.items() %}
        {% do row.update({column: kindred.first_of(
            [kindred.read_text(products, names), kindred.read_text(properties, names)], 'varchar'
        )}) %}
    {% endfor %}
    {% do row.update(given) %}
    {{ return(row) }}
{% endmacro %}

{#- The reader of the products of such an object. json: its text. -#}
{% macro property_products(json) %}
    {% set tree = kindred.json_tree(json, ['products', 'items', 'cart_items']) %}
    {{ return(kindred.json_reader('products', tree, 'entries')) }}
{% endmacro %}
