{#- What an adapter makes of a tracker that keeps all of an event in one JSON object, `json`, exploded as `products`
    (kindred.property_products). Keys are those of Segment's specification and the trackers' own. -#}
{% macro property_row(tracker, json, given) %}
    {% set keys = kindred.item_keys(
        tracker, ['product_id', 'productId', 'item_id', 'sku', 'content_id', 'video_id', 'id']
    ) %}
    {% set entry_id = kindred.entry_text('products', keys) %}
    {% set values = {
        'product_number': kindred.entry_place('products'),
        'item_id': "coalesce(" ~ entry_id ~ ", " ~ kindred.json_first(json, keys) ~ ")",
        'position': "coalesce(" ~ kindred.entry_number('products', ['position', 'index']) ~ ", try_cast("
            ~ kindred.json_first(json, ['position']) ~ " as double))",
        'rating': "try_cast(" ~ kindred.json_first(json, ['rating']) ~ " as double)",
        'amount': "case when " ~ entry_id ~ " is null then try_cast("
            ~ kindred.json_first(json, ['revenue', 'total', 'value', 'amount']) ~ " as double) end",
        'currency': kindred.json_first(json, ['currency']),
        'order_id': kindred.json_first(json, ['order_id', 'orderId', 'transaction_id']),
        'list_id': kindred.json_first(json, ['list_id', 'listId']),
        'query': kindred.json_first(json, ['query', 'search_term', 'search_query']),
        'session_id': kindred.json_first(json, ['session_id']),
        'traffic': kindred.json_first(json, ['traffic']),
        'user_agent': kindred.json_first(json, ['user_agent', 'userAgent']),
        'host': "coalesce(" ~ kindred.json_first(json, ['host']) ~ ", "
            ~ kindred.host_of(kindred.json_first(json, ['current_url', 'page_url', 'url'])) ~ ")",
        'ip_address': kindred.json_first(json, ['ip_address', 'ip']),
    } %}
    {% for column, names in {
        'quantity': ['quantity'], 'price': ['price'], 'discount': ['discount'],
    }.items() %}
        {% do values.update({column: "coalesce(" ~ kindred.entry_number('products', names) ~ ", try_cast("
            ~ kindred.json_first(json, names) ~ " as double))"}) %}
    {% endfor %}
    {% for column, names in {'title': ['name', 'title'], 'brand': ['brand'], 'category': ['category']}.items() %}
        {% do values.update({
            column: "coalesce(" ~ kindred.entry_text('products', names) ~ ", " ~ kindred.json_first(json, names) ~ ")"
        }) %}
    {% endfor %}
    {% do values.update(given) %}
    {{ return(kindred.tracked_row(values)) }}
{% endmacro %}

{#- The products of such an object, to cross join. -#}
{% macro property_products(json) %}
    {% set parts = [] %}
    {% for key in ['products', 'items', 'cart_items'] %}{% do parts.append(kindred.json_tree(json, key)) %}{% endfor %}
    {{ return(kindred.json_items(kindred.at_least_one(kindred.first_of(parts, 'varchar')))) }}
{% endmacro %}
