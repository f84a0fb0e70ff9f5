{#- What the user's table really has: {column name in lower case: data type in lower case}.
    Raises where the table is missing, or a column that the contract needs. -#}
{% macro input_columns(input) %}
    {% set contract = kindred.input_contract(input) %}
    {% set relation = kindred.input_relation(input) %}
    {% set setting = 'kindred__inputs, ' ~ input %}
    {% set found = kindred.relation_columns(
        relation, contract, setting, kindred.input_pointers()[input],
        '.' if input == 'events' else '; or leave it out if you have no ' ~ input ~ '.'
    ) %}
    {% if execute and relation is not none and input == 'events'
        and 'user_id' not in found and 'anonymous_id' not in found %}
        {% do exceptions.raise_compiler_error(
            kindred.lacking_columns(relation, setting, ['user_id (or anonymous_id)'], found)
        ) %}
    {% endif %}
    {{ return(found) }}
{% endmacro %}
