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
    {% set rows = kindred.known_rows("select distinct column_name", ref('event_spellings')) %}
    {% set found = columns if rows is none else rows | map(attribute='column_name') | list %}
    {{ return(columns | select('in', found) | list) }}
{% endmacro %}
