{#- A JSON text of which an adapter reads several keys. DuckDB parses a text as a whole for each look at it, so a reader
    notes what is asked for, and read_rows looks at the text once for all of it: write the select list before read_rows.
    json: SQL of the text, none where there is none. kind: `object`; `first` for the first object of an array or the
    object itself; `entries` for an array that is exploded, with at least one entry for each row: an object alone is an
    array of one, and of what is no array the only entry is null. -#}
{% macro json_reader(name, json, kind='object') %}
    {{ return({'name': name, 'json': json, 'kind': kind, 'asked': [], 'is_read': false}) }}
{% endmacro %}

{#- The text of the first of `keys` that the reader's object has, null where it has none. -#}
{% macro read_text(reader, keys) %}
    {% set parts = [] %}
    {% for key in keys if reader.json is not none %}
        {% if key not in reader.asked %}
            {% if reader.is_read %}
                {% do exceptions.raise_compiler_error("kindred: read_rows came before " ~ reader.name ~ "." ~ key) %}
            {% endif %}
            {% do reader.asked.append(key) %}
        {% endif %}
        {% do parts.append(kindred.trimmed(kindred.read_value(reader, key))) %}
    {% endfor %}
    {{ return(kindred.first_of(parts, 'varchar')) }}
{% endmacro %}

{% macro read_number(reader, keys) %}
    {% set text = kindred.read_text(reader, keys) %}
    {{ return('cast(null as double)' if kindred.is_null(text) else "try_cast(" ~ text ~ " as double)") }}
{% endmacro %}

{% macro read_value(reader, key) %}
    {{ return(adapter.dispatch('read_value', 'kindred')(reader, key)) }}
{% endmacro %}

{% macro duckdb__read_value(reader, key) %}
    {% set texts = "kindred_" ~ reader.name %}
    {% set place = reader.asked.index(key) %}
    {% if reader.kind == 'first' %}
        {{ return("coalesce(" ~ texts ~ "[" ~ (2 * place + 1) ~ "], " ~ texts ~ "[" ~ (2 * place + 2) ~ "])") }}
    {% endif %}
    {{ return(texts ~ "[" ~ (place + 1) ~ "]") }}
{% endmacro %}

{% macro snowflake__read_value(reader, key) %}
    {{ return(
        kindred.json_text(reader.json, key) if reader.kind == 'object'
        else kindred.json_text("kindred_" ~ reader.name, key) if reader.kind == 'first'
        else "cast(" ~ reader.name ~ ".value['" ~ key ~ "'] as varchar)"
    ) }}
{% endmacro %}

{#- The place of an exploded entry, from 0. -#}
{% macro read_place(reader) %}
    {{ return(adapter.dispatch('read_place', 'kindred')(reader)) }}
{% endmacro %}

{% macro duckdb__read_place(reader) %}
    {{ return("kindred_place") }}
{% endmacro %}

{% macro snowflake__read_place(reader) %}
    {{ return(reader.name ~ ".index") }}
{% endmacro %}
