{#- The columns of the events that can hold one thing in two spellings, ids and words that are no whole numbers, and
    those that name people, of which some ids are nobody's. -#}
{% macro spelt_columns() %}
    {% set contract = kindred.input_contract('events') %}
    {% set columns = [] %}
    {% for column, data_type in kindred.input_columns('events').items() %}
        {% set rule = contract.get(column) or {} %}
        {% if rule.is_person or (rule.form and kindred.has_spellings(data_type)) %}
            {% do columns.append(column) %}
        {% endif %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}

{#- Those of them of which this build has found other spellings than the normal form (event_spellings), so that nearly
    always the events, which are read many times, are joined with nothing. All, where that can't be known yet. -#}
{% macro misspelt_columns() %}
    {% set columns = kindred.spelt_columns() %}
    {% set relation = ref('event_spellings') %}
    {#- In a unit test it is no table but rows in the query, and has no schema. -#}
    {% set spellings = load_relation(relation) if execute and relation.schema else none %}
    {% if spellings is none or flags.WHICH in ['compile', 'generate', 'show', 'list'] %}
        {{ return(columns) }}
    {% endif %}
    {% set rows = kindred.fetch_rows("select distinct column_name from " ~ spellings) %}
    {% set found = rows | map(attribute='column_name') | list %}
    {{ return(columns | select('in', found) | list) }}
{% endmacro %}
