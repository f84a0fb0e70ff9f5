{#- The events of one Snowplow schema, with the e-commerce contexts of their products, transaction and user. -#}
{% macro snowplow_select(tables) %}
    {% set found = kindred.raw_columns(tables['events']) %}
    {% set shop = 'com_snowplowanalytics_snowplow_ecommerce_' %}
    {% set contexts = {
        'action': ['unstruct_event_' ~ shop ~ 'snowplow_ecommerce_action_1', shop ~ 'snowplow_ecommerce_action_1', shop ~ 'action_1'],
        'products': ['contexts_' ~ shop ~ 'product_1', shop ~ 'product_1'],
        'orders': ['contexts_' ~ shop ~ 'transaction_1', shop ~ 'transaction_1'],
        'people': ['contexts_' ~ shop ~ 'user_1', shop ~ 'user_1'],
        'sessions': [
            'contexts_com_snowplowanalytics_snowplow_client_session_1', 'com_snowplowanalytics_snowplow_client_session_1'
        ],
        'spiders': ['contexts_com_iab_snowplow_spiders_and_robots_1', 'com_iab_snowplow_spiders_and_robots_1'],
        'agents': ['contexts_nl_basjes_yauaa_context_1', 'nl_basjes_yauaa_context_1'],
    } %}
    {% set keys = kindred.item_keys('snowplow', ['id']) %}
    {#- Each context as JSON text, from its columns or its table: {name: SQL}; `joins` has what that takes. -#}
    {% set json, joins = {}, [] %}
    {% for name, prefixes in contexts.items() %}
        {% set columns = [] %}
        {% for column in found if kindred.is_version_of(column, prefixes[0]) %}
            {% do columns.append(column) %}
        {% endfor %}
        {% set own_tables = [] %}
        {% for table in tables %}
            {% if kindred.is_version_of(table, prefixes[1]) or kindred.is_version_of(table, prefixes[-1]) %}
                {% do own_tables.append(table) %}
            {% endif %}
        {% endfor %}
        {% if columns %}
            {#- [] and null are the same: the next version is asked. -#}
            {% set parts = [] %}
            {% for column in columns %}
                {% do parts.append("nullif(" ~ kindred.raw_text(found, [column]) ~ ", '[]')") %}
            {% endfor %}
            {% do json.update({name: kindred.first_of(parts, 'varchar')}) %}
        {% elif own_tables %}
            {% do joins.append(kindred.context_join(name, tables[own_tables[0]])) %}
            {% do json.update({name: name ~ '_context.entries'}) %}
        {% else %}
            {% do json.update({name: 'cast(null as varchar)'}) %}
        {% endif %}
    {% endfor %}
    {% set item_of_line = kindred.raw_text(found, ['ti_sku']) %}
    {% set entry_id = kindred.entry_text('products', keys) %}
    {% set sql %}
select
    {{ kindred.tracked_row({
        'row_id': 'context.row_id',
        'product_number': kindred.entry_place('products'),
        'event_name': "coalesce(" ~ kindred.json_first('context.action', ['type']) ~ ", case when context.structured_action = 'search' then 'search' end, context.event)",
        'user_id': "coalesce(context.user_id, " ~ kindred.json_first('context.person', ['id']) ~ ")",
        'anonymous_id': "coalesce(context.domain_userid, " ~ kindred.json_first('context.session', ['userId', 'user_id']) ~ ")",
        'session_id': "coalesce(context.domain_sessionid, " ~ kindred.json_first('context.session', ['sessionId', 'session_id']) ~ ")",
        'item_id': "coalesce(" ~ entry_id ~ ", context.line_item)",
        'occurred_at': 'context.occurred_at',
        'received_at': 'context.received_at',
        'quantity': "coalesce(" ~ kindred.entry_number('products', ['quantity']) ~ ", context.line_quantity)",
        'price': "coalesce(" ~ kindred.entry_number('products', ['price']) ~ ", context.line_price)",
        'discount': 'null',
        'amount': "case when " ~ entry_id ~ " is null then try_cast(" ~ kindred.json_first('context.purchase', ['revenue']) ~ " as double) end",
        'currency': "coalesce(" ~ kindred.entry_text('products', ['currency']) ~ ", " ~ kindred.json_first('context.purchase', ['currency']) ~ ", context.line_currency)",
        'order_id': "coalesce(" ~ kindred.json_first('context.purchase', ['transaction_id']) ~ ", context.line_order)",
        'list_id': kindred.json_first('context.action', ['name']),
        'position': kindred.entry_number('products', ['position']),
        'query': "case when context.structured_action = 'search' then context.structured_label end",
        'title': kindred.entry_text('products', ['name']),
        'brand': kindred.entry_text('products', ['brand']),
        'category': kindred.entry_text('products', ['category']),
        'traffic': "case when " ~ kindred.json_first('context.spider', ['spiderOrRobot', 'spider_or_robot'])
            ~ " = 'true' then 'bot' else " ~ kindred.json_first('context.agent', ['agentClass', 'agent_class']) ~ " end",
        'user_agent': 'context.user_agent',
        'host': 'context.host',
        'ip_address': 'context.ip_address',
    }) }}
from (
    select
        {{ kindred.raw_text(found, ['event_id']) }} as row_id,
        {{ kindred.raw_text(found, ['event_name', 'event']) }} as event,
        {{ kindred.raw_text(found, ['user_id']) }} as user_id,
        {{ kindred.raw_text(found, ['domain_userid']) }} as domain_userid,
        {{ kindred.raw_text(found, ['domain_sessionid']) }} as domain_sessionid,
        {{ kindred.raw_text(found, ['se_action']) }} as structured_action,
        {{ kindred.raw_text(found, ['se_label']) }} as structured_label,
        {{ kindred.raw_time(found, ['derived_tstamp', 'collector_tstamp'], kindred.tracker_zone('snowplow')) }} as occurred_at,
        {{ kindred.raw_time(found, ['load_tstamp', 'collector_tstamp']) }} as received_at,
        {{ item_of_line }} as line_item,
        {{ kindred.raw_number(found, ['ti_quantity']) }} as line_quantity,
        {{ kindred.raw_number(found, ['ti_price']) }} as line_price,
        {{ kindred.raw_text(found, ['ti_currency', 'base_currency']) }} as line_currency,
        {{ kindred.raw_text(found, ['ti_orderid']) }} as line_order,
        {{ kindred.first_object(json.action) }} as action,
        {{ kindred.at_least_one(json.products) }} as products,
        {{ kindred.first_object(json.orders) }} as purchase,
        {{ kindred.first_object(json.people) }} as person,
        {{ kindred.first_object(json.sessions) }} as session,
        {{ kindred.first_object(json.spiders) }} as spider,
        {{ kindred.first_object(json.agents) }} as agent,
        {{ kindred.raw_text(found, ['useragent']) }} as user_agent,
        {{ kindred.raw_text(found, ['page_urlhost']) }} as host,
        {{ kindred.raw_text(found, ['user_ipaddress']) }} as ip_address
    from {{ tables['events'] }} as raw
    {{ joins | join('\n') }}
) as context
cross join {{ kindred.json_items('context.products') }} as products
    {% endset %}
    {{ return(sql) }}
{% endmacro %}

{#- Whether a column or table is a context of this name and major version: ..._1, ..._1_0_0, ..._1_0_1. -#}
{% macro is_version_of(name, prefix) %}
    {% set rest = name[prefix | length + 1:].replace('_', '') %}
    {{ return(name == prefix or (name.startswith(prefix ~ '_') and rest.isdigit())) }}
{% endmacro %}

{#- A context's own table as one JSON array per event, joined by (root_id, root_tstamp). -#}
{% macro context_join(name, relation) %}
    {% set found = kindred.raw_columns(relation, 'entries') %}
    {% set fields = [] %}
    {% for column in found if not column.startswith('root_') and not column.startswith('schema_name') %}
        {% do fields.append(column) %}
    {% endfor %}
    {% set sql %}
    left join (
        select
            root_id,
            root_tstamp,
            {{ kindred.json_array(fields, order_by=('position' if 'position' in fields else fields[0])) }} as entries
        from (
            select
                {{ found['root_id'].sql }} as root_id,
                {{ kindred.raw_time(found, ['root_tstamp']) }} as root_tstamp,
                {% for column in fields %}{{ found[column].sql }} as {{ column }}{{ ", " if not loop.last }}{% endfor %}
            from {{ relation }} as entries
        ) as entries
        group by root_id, root_tstamp
    ) as {{ name }}_context
        on raw.event_id = {{ name }}_context.root_id
            and {{ kindred.try_convert('raw.collector_tstamp', 'varchar', 'timestamp') }} = {{ name }}_context.root_tstamp
    {% endset %}
    {{ return(sql) }}
{% endmacro %}

{#- The JSON text of the first object of a JSON array, or the object itself. -#}
{% macro first_object(json) %}
    {{ return(adapter.dispatch('first_object', 'kindred')(json)) }}
{% endmacro %}

{% macro duckdb__first_object(json) %}
    {{ return(
        "case when not json_valid(" ~ json ~ ") then null when json_type(" ~ json ~ ") = 'ARRAY' then cast(json_extract("
        ~ json ~ ", '$[0]') as varchar) else cast(" ~ json ~ " as varchar) end"
    ) }}
{% endmacro %}

{% macro snowflake__first_object(json) %}
    {% set tree = "try_parse_json(" ~ json ~ ")" %}
    {{ return("to_json(coalesce(" ~ tree ~ "[0], " ~ tree ~ "))") }}
{% endmacro %}
