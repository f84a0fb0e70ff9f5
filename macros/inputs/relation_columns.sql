{#- What a table that a setting points at really has: {column name in lower case: data type in lower case}. Raises where
    the table is missing, or a column that the contract needs. otherwise: how the message about a missing table ends.
    -#}
{% macro relation_columns(relation, contract, setting, pointer, otherwise) %}
    {% set found = {} %}
    {% if not execute or relation is none %}
        {{ return(found) }}
    {% endif %}
    {% set existing = load_relation(relation) %}
    {% if existing is none and flags.WHICH in ['compile', 'generate', 'show', 'list'] %}
        {#- Nothing is built yet: show the SQL for a table that has every column in the contract's type. -#}
        {% for column, rule in contract.items() %}{% do found.update({column: rule.kind}) %}{% endfor %}
        {{ return(found) }}
    {% elif existing is none %}
        {% do exceptions.raise_compiler_error(
            "kindred: " ~ setting ~ " points at '" ~ pointer ~ "', and there is no table " ~ relation
            ~ ". Set it to the name of a dbt model or seed, or to schema.table of a table that exists" ~ otherwise
        ) %}
    {% endif %}
    {% for column in adapter.get_columns_in_relation(existing) %}
        {% do found.update({column.name | lower: column.data_type | lower}) %}
    {% endfor %}
    {% set missing = [] %}
    {% for column, rule in contract.items() if rule.required and column not in found %}
        {% do missing.append(column) %}
    {% endfor %}
    {% if missing %}
        {% do exceptions.raise_compiler_error(kindred.lacking_columns(relation, setting, missing, found)) %}
    {% endif %}
    {{ return(found) }}
{% endmacro %}

{#- The message about columns that a table lacks. -#}
{% macro lacking_columns(relation, setting, missing, found) %}
    {{ return(
        "kindred: " ~ relation ~ ", which " ~ setting ~ " points at, lacks: " ~ missing | join(', ')
        ~ ". It has: " ~ found.keys() | sort | join(', ')
        ~ ". Point " ~ setting ~ " at a dbt model that selects your columns under these names."
    ) }}
{% endmacro %}
