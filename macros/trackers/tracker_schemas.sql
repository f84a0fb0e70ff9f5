{#- The schemas that kindred__trackers names for a tracker, in their order: ['web_prod', ...]. -#}
{% macro tracker_schemas(tracker) %}
    {% set given = kindred.setting('trackers')[tracker] %}
    {{ return((given if given is not string and given is iterable else [given]) | select | list) }}
{% endmacro %}

{#- The trackers that kindred__trackers names, in the order of the YAML: of two that have the same order the first
    counts. -#}
{% macro named_trackers() %}
    {% set given = var('kindred__trackers') %}
    {% set names = [] %}
    {% for tracker in (given if given is mapping else {}) if kindred.tracker_schemas(tracker) %}
        {% do names.append(tracker) %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}

{#- The tables of a schema: {name in lower case: relation}. {} while dbt parses. Raises where the schema has none. -#}
{% macro schema_tables(tracker, schema) %}
    {% set tables = {} %}
    {% if not execute %}{{ return(tables) }}{% endif %}
    {% set parts = schema.split('.') %}
    {% set database = parts[-2] if parts | length > 1 else target.database %}
    {% set rows = kindred.fetch_rows(
        "select table_catalog, table_schema, table_name from "
        ~ (database ~ '.' if target.type == 'snowflake' else '') ~ "information_schema.tables where lower(table_catalog) = lower(" ~ kindred.text_literal(database)
        ~ ") and lower(table_schema) = lower(" ~ kindred.text_literal(parts[-1]) ~ ") order by table_name"
    ) %}
    {% for row in rows %}
        {% set relation = api.Relation.create(
            database=row.table_catalog, schema=row.table_schema, identifier=row.table_name
        ) %}
        {% do tables.update({row.table_name | lower: relation.quote(database=true, schema=true, identifier=true)}) %}
    {% endfor %}
    {% if not tables and flags.WHICH not in ['compile', 'generate', 'show', 'list'] %}
        {% do exceptions.raise_compiler_error(
            "kindred: kindred__trackers has " ~ tracker ~ ": " ~ schema ~ ", and there is no table in such a schema. "
            ~ "Give the schema, or database.schema, into which " ~ tracker ~ " writes"
        ) %}
    {% endif %}
    {{ return(tables) }}
{% endmacro %}

{#- The message about a table that a tracker can't do without. -#}
{% macro need_table(tracker, schema, names, tables) %}
    {% if execute and flags.WHICH not in ['compile', 'generate', 'show', 'list'] %}
        {% do exceptions.raise_compiler_error(
            "kindred: kindred__trackers has " ~ tracker ~ ": " ~ schema ~ ", and that schema has no table "
            ~ names | join(' or ') ~ ". It has: " ~ tables | list | sort | join(', ')
        ) %}
    {% endif %}
{% endmacro %}

{#- The columns of a raw table: {name in lower case: {sql: the column as SQL, type: its type in lower case}}. -#}
{% macro raw_columns(relation, alias='raw') %}
    {% set found = {} %}
    {% if execute and relation is not none %}
        {% for column in adapter.get_columns_in_relation(relation) %}
            {#- A file's byte order mark sticks to its first name. -#}
            {% do found.update({
                column.name | lower | replace('\ufeff', ''):
                {'sql': alias ~ '.' ~ adapter.quote(column.name), 'type': column.data_type | lower}
            }) %}
        {% endfor %}
    {% endif %}
    {{ return(found) }}
{% endmacro %}

{#- Of the named trackers those that have tables for an input beside events and items. -#}
{% macro trackers_of(input) %}
    {% set homes = {
        'users': ['segment', 'rudderstack', 'shopify', 'mixpanel'],
        'consents': ['segment', 'rudderstack', 'shopify'],
        'identity_links': ['segment', 'rudderstack', 'mixpanel', 'shopify'],
    } %}
    {{ return(kindred.named_trackers() | select('in', homes[input]) | list) }}
{% endmacro %}
