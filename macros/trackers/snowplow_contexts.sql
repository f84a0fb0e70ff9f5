{#- The contexts of one Snowplow schema that are read, as JSON text, from columns of its events or from tables of their
    own: {json: {name: SQL, none where there is no such context}, joins: what that takes}. found: the events' columns. -#}
{% macro snowplow_contexts(tables, found) %}
    {% set shop = 'com_snowplowanalytics_snowplow_ecommerce_' %}
    {% set contexts = {
        'action': ['unstruct_event_' ~ shop ~ 'snowplow_ecommerce_action_1', shop ~ 'snowplow_ecommerce_action_1', shop ~ 'action_1'],
        'products': ['contexts_' ~ shop ~ 'product_1', shop ~ 'product_1'],
        'purchase': ['contexts_' ~ shop ~ 'transaction_1', shop ~ 'transaction_1'],
        'person': ['contexts_' ~ shop ~ 'user_1', shop ~ 'user_1'],
        'session': [
            'contexts_com_snowplowanalytics_snowplow_client_session_1', 'com_snowplowanalytics_snowplow_client_session_1'
        ],
        'spider': ['contexts_com_iab_snowplow_spiders_and_robots_1', 'com_iab_snowplow_spiders_and_robots_1'],
        'agent': ['contexts_nl_basjes_yauaa_context_1', 'nl_basjes_yauaa_context_1'],
    } %}
    {% set json, joins = {}, [] %}
    {% for name, prefixes in contexts.items() %}
        {% set parts = [] %}
        {% for column in found if kindred.is_version_of(column, prefixes[0]) %}
            {#- [] and null are the same: the next version is asked. Blanks around JSON don't matter, and looking for
                them takes longer than all else. -#}
            {% set text = kindred.as_text(found[column].sql, found[column].type) | trim %}
            {% do parts.append("nullif(nullif(" ~ text ~ ", ''), '[]')") %}
        {% endfor %}
        {% set own_tables = [] %}
        {% for table in tables
            if kindred.is_version_of(table, prefixes[1]) or kindred.is_version_of(table, prefixes[-1]) %}
            {% do own_tables.append(table) %}
        {% endfor %}
        {% if parts %}
            {% do json.update({name: kindred.first_of(parts, 'varchar')}) %}
        {% elif own_tables %}
            {% do joins.append(kindred.context_join(name, tables[own_tables[0]])) %}
            {% do json.update({name: name ~ '_context.entries'}) %}
        {% else %}
            {% do json.update({name: none}) %}
        {% endif %}
    {% endfor %}
    {{ return({'json': json, 'joins': joins}) }}
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
