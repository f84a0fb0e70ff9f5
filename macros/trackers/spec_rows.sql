{#- The rows of a tracker with one table per event, in the layout and under the event names of Segment's ecommerce
    specification (RudderStack keeps to both). `tracks` holds each event once more, without its properties, and is not
    read. https://segment.com/docs/connections/storage/warehouses/schema -#}
{% macro spec_rows(tracker) %}
    {% set selects = [] %}
    {% set calls = {
        'pages': 'page', 'screens': 'screen', 'identifies': 'identify', 'groups': 'group', 'aliases': 'alias',
    } %}
    {% for schema in kindred.tracker_schemas(tracker) %}
        {% set tables = kindred.schema_tables(tracker, schema) %}
        {% for name, relation in tables.items() if name not in ['tracks', 'users', 'accounts'] %}
            {% set found = kindred.raw_columns(relation) %}
            {% if 'id' in found and ('received_at' in found or 'timestamp' in found) %}
                {#- A table called like a reserved word begins with an underscore. -#}
                {% set event_name = calls.get(name, name.lstrip('_')) %}
                {% do selects.append(kindred.spec_select(tracker, relation, found, event_name)) %}
            {% endif %}
        {% endfor %}
        {% if not selects %}{% do kindred.need_table(tracker, schema, ['with id and received_at'], tables) %}{% endif %}
    {% endfor %}
    {{ return(kindred.united_rows(selects)) }}
{% endmacro %}

{% macro spec_select(tracker, relation, found, event_name) %}
    {% set keys = kindred.item_keys(tracker, ['product_id', 'productId', 'sku', 'item_id', 'id']) %}
    {% set own_keys = kindred.item_keys(tracker, ['product_id', 'product_sku', 'sku', 'item_id']) %}
    {% set products = kindred.json_reader('products', kindred.raw_text(found, ['products']), 'entries') %}
    {% set is_exploded = 'products' in found %}
    {% set own = {
        'item_id': kindred.raw_text(found, own_keys),
        'quantity': kindred.raw_number(found, ['quantity', 'product_quantity']),
        'price': kindred.raw_number(found, ['price', 'product_price']),
        'discount': kindred.raw_number(found, ['product_discount']),
        'position': kindred.raw_number(found, ['position', 'product_position']),
        'title': kindred.raw_text(found, ['product_name', 'name']),
        'brand': kindred.raw_text(found, ['brand', 'product_brand']),
        'category': kindred.raw_text(found, ['category', 'product_category']),
    } %}
    {% set row = {
        'row_id': kindred.raw_text(found, ['id']),
        'product_number': kindred.read_place(products) if is_exploded else '0',
        'event_name': "'" ~ event_name ~ "'",
        'user_id': kindred.raw_text(found, ['user_id']),
        'anonymous_id': kindred.raw_text(found, ['anonymous_id']),
        'session_id': kindred.raw_text(found, ['session_id', 'context_session_id']),
        'occurred_at': kindred.raw_time(
            found, ['timestamp', 'original_timestamp', 'sent_at', 'received_at'], kindred.tracker_zone(tracker)
        ),
        'received_at': kindred.raw_time(found, ['received_at', 'uuid_ts', 'loaded_at']),
        'rating': kindred.raw_number(found, ['rating']),
        'amount': kindred.raw_number(found, ['revenue', 'total', 'value']),
        'currency': kindred.raw_text(found, ['currency']),
        'order_id': kindred.raw_text(found, ['order_id']),
        'list_id': kindred.raw_text(found, ['list_id']),
        'query': kindred.raw_text(found, ['query']),
        'user_agent': kindred.raw_text(found, ['context_user_agent', 'context_useragent', 'user_agent']),
        'host': kindred.host_of(kindred.raw_text(found, ['context_page_url', 'url'])),
        'ip_address': kindred.raw_text(found, ['context_ip', 'context_request_ip', 'request_ip']),
    } %}
    {% if is_exploded %}
        {#- What the event itself says counts where its products don't: the revenue of an order is no product's. -#}
        {% set entry_id = kindred.read_text(products, keys) %}
        {% do row.update({
            'item_id': kindred.first_of([entry_id, own.item_id], 'varchar'),
            'quantity': kindred.first_of([kindred.read_number(products, ['quantity']), own.quantity], 'double'),
            'price': kindred.first_of([kindred.read_number(products, ['price']), own.price], 'double'),
            'discount': kindred.first_of([kindred.read_number(products, ['discount']), own.discount], 'double'),
            'position': kindred.first_of([kindred.read_number(products, ['position']), own.position], 'double'),
            'title': kindred.first_of([kindred.read_text(products, ['name', 'title']), own.title], 'varchar'),
            'brand': kindred.first_of([kindred.read_text(products, ['brand']), own.brand], 'varchar'),
            'category': kindred.first_of([kindred.read_text(products, ['category']), own.category], 'varchar'),
            'amount': "case when " ~ entry_id ~ " is null then " ~ row.amount ~ " end",
        }) %}
    {% else %}
        {% do row.update(own) %}
    {% endif %}
    {{ return({
        'row': row,
        'relation': kindred.read_rows(relation, 'raw', [products]) if is_exploded else relation ~ ' as raw',
    }) }}
{% endmacro %}
