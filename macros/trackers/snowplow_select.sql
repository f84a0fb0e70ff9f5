{#- The rows of one Snowplow schema, as united_rows takes them: events with their e-commerce contexts. -#}
{% macro snowplow_select(tables) %}
    {% set found = kindred.raw_columns(tables['events']) %}
    {% set contexts = kindred.snowplow_contexts(tables, found) %}
    {% set readers = {} %}
    {% for name, json in contexts.json.items() %}
        {% do readers.update({name: kindred.json_reader(
            name, none if json is none else 'context.' ~ name, 'entries' if name == 'products' else 'first'
        )}) %}
    {% endfor %}
    {% set products, action, purchase, session = readers.products, readers.action, readers.purchase, readers.session %}
    {% set entry_id = kindred.read_text(products, kindred.item_keys('snowplow', ['id'])) %}
    {#- What stands in columns of the events, as SQL over the rows that the JSON is read of. -#}
    {% set columns = {
        'row_id': kindred.raw_text(found, ['event_id']),
        'event': kindred.raw_text(found, ['event_name', 'event']),
        'user_id': kindred.raw_text(found, ['user_id']),
        'domain_userid': kindred.raw_text(found, ['domain_userid']),
        'domain_sessionid': kindred.raw_text(found, ['domain_sessionid']),
        'structured_action': kindred.raw_text(found, ['se_action']),
        'structured_label': kindred.raw_text(found, ['se_label']),
        'occurred_at': kindred.raw_time(found, ['derived_tstamp', 'collector_tstamp'], kindred.tracker_zone('snowplow')),
        'received_at': kindred.raw_time(found, ['load_tstamp', 'collector_tstamp']),
        'line_item': kindred.raw_text(found, ['ti_sku']),
        'line_quantity': kindred.raw_number(found, ['ti_quantity']),
        'line_price': kindred.raw_number(found, ['ti_price']),
        'line_currency': kindred.raw_text(found, ['ti_currency', 'base_currency']),
        'line_order': kindred.raw_text(found, ['ti_orderid']),
        'user_agent': kindred.raw_text(found, ['useragent']),
        'host': kindred.raw_text(found, ['page_urlhost']),
        'ip_address': kindred.raw_text(found, ['user_ipaddress']),
    } %}
    {% set own = {} %}
    {% for name, sql in columns.items() %}
        {% do own.update({name: 'null' if kindred.is_null(sql) else 'context.' ~ name}) %}
    {% endfor %}
    {% set relation %}
(
    select
        {% for name, sql in (columns.items() | list) + (contexts.json.items() | list) if sql is not none -%}
        {{ sql }} as {{ name }}{{ "," if not loop.last }}
        {% endfor -%}
    from {{ tables['events'] }} as raw
    {{ contexts.joins | join('\n') }}
)
    {% endset %}
    {% set is_search = own.structured_action ~ " = 'search'" %}
    {% set is_spider = kindred.read_text(readers.spider, ['spiderOrRobot', 'spider_or_robot']) ~ " = 'true'" %}
    {% set agent = kindred.read_text(readers.agent, ['agentClass', 'agent_class']) %}
    {% set row = {
        'row_id': own.row_id,
        'product_number': kindred.read_place(products),
        'event_name': kindred.first_of(
            [kindred.read_text(action, ['type']), "case when " ~ is_search ~ " then 'search' end", own.event], 'varchar'
        ),
        'user_id': kindred.first_of([own.user_id, kindred.read_text(readers.person, ['id'])], 'varchar'),
        'anonymous_id': kindred.first_of([own.domain_userid, kindred.read_text(session, ['userId', 'user_id'])], 'varchar'),
        'session_id': kindred.first_of(
            [own.domain_sessionid, kindred.read_text(session, ['sessionId', 'session_id'])], 'varchar'
        ),
        'item_id': kindred.first_of([entry_id, own.line_item], 'varchar'),
        'occurred_at': own.occurred_at,
        'received_at': own.received_at,
        'quantity': kindred.first_of([kindred.read_number(products, ['quantity']), own.line_quantity], 'double'),
        'price': kindred.first_of([kindred.read_number(products, ['price']), own.line_price], 'double'),
        'amount': "case when " ~ entry_id ~ " is null then " ~ kindred.read_number(purchase, ['revenue']) ~ " end"
            if purchase.json else 'null',
        'currency': kindred.first_of(
            [kindred.read_text(products, ['currency']), kindred.read_text(purchase, ['currency']), own.line_currency], 'varchar'
        ),
        'order_id': kindred.first_of([kindred.read_text(purchase, ['transaction_id']), own.line_order], 'varchar'),
        'list_id': kindred.read_text(action, ['name']),
        'position': kindred.read_number(products, ['position']),
        'query': "case when " ~ is_search ~ " then " ~ own.structured_label ~ " end" if own.structured_label != 'null' else 'null',
        'title': kindred.read_text(products, ['name']),
        'brand': kindred.read_text(products, ['brand']),
        'category': kindred.read_text(products, ['category']),
        'traffic': "case when " ~ is_spider ~ " then 'bot' else " ~ agent ~ " end"
            if readers.spider.json or readers.agent.json else 'null',
        'user_agent': own.user_agent,
        'host': own.host,
        'ip_address': own.ip_address,
    } %}
    {{ return({'row': row, 'relation': kindred.read_rows(relation, 'context', readers.values() | list)}) }}
{% endmacro %}
