{#- The select list that brings a table of kindred__tables into the contract's types, whatever types it has. -#}
{% macro select_table_columns(name) %}
    {% set contract = kindred.table_contract(name).columns %}
    {{- kindred.select_columns(contract, kindred.table_columns(name)) -}}
{% endmacro %}

{#- {column in lower case: data type in lower case} of a table of kindred__tables. Of the seed in its place the types
    are known. -#}
{% macro table_columns(name) %}
    {% set contract = kindred.table_contract(name) %}
    {% set pointer = kindred.table_pointer(name) %}
    {% if pointer %}
        {{ return(kindred.relation_columns(
            kindred.table_relation(name), contract.columns, 'kindred__tables, ' ~ name, pointer,
            "; or leave it out: then no item is under a condition." if name == 'eligibility'
            else "; or leave it out to use kindred's own."
        )) }}
    {% endif %}
    {% set types = {} %}
    {% for column, rule in contract.columns.items() %}
        {% do types.update({column: 'varchar' if contract.is_text else kindred.type_of(rule.kind)}) %}
    {% endfor %}
    {{ return(types) }}
{% endmacro %}
