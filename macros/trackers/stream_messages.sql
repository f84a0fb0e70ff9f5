{#- The tables of a schema that hold messages: landed_events, as `kindred land` writes it, and those of Kafka's
    connector for Snowflake, one a topic. [{relation, place: which message, payload: its text, received_at}], the last
    three as SQL. https://docs.snowflake.com/en/user-guide/kafka-connector-overview -#}
{% macro stream_messages(tables) %}
    {% set messages = [] %}
    {% for name, relation in tables.items() %}
        {% set found = kindred.raw_columns(relation) %}
        {% if name == 'landed_events' %}
            {% do messages.append({
                'relation': relation,
                'place': "concat_ws('-', " ~ kindred.raw_text(found, ['topic']) ~ ", "
                    ~ kindred.raw_text(found, ['partition']) ~ ", " ~ kindred.raw_text(found, ['offset']) ~ ")",
                'payload': kindred.raw_text(found, ['payload']),
                'received_at': kindred.raw_time(found, ['received_at']),
            }) %}
        {% elif 'record_content' in found and 'record_metadata' in found %}
            {% set about = kindred.raw_text(found, ['record_metadata']) %}
            {% do messages.append({
                'relation': relation,
                'place': "concat_ws('-', " ~ kindred.json_first(about, ['topic']) ~ ", "
                    ~ kindred.json_first(about, ['partition']) ~ ", " ~ kindred.json_first(about, ['offset']) ~ ")",
                'payload': kindred.raw_text(found, ['record_content']),
                'received_at': kindred.from_microseconds(
                    "try_cast(" ~ kindred.json_first(about, ['CreateTime', 'LogAppendTime']) ~ " as bigint) * 1000"
                ),
            }) %}
        {% endif %}
    {% endfor %}
    {{ return(messages) }}
{% endmacro %}
