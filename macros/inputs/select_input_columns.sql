{#- The select list that brings a user's table into the contract's types. Absent columns and empty text become null.
    What can't be converted becomes null too, and `<column>_text` keeps what stood there, so that it can be reported:
    so does a number that no sum could hold (infinite, 1e12 and more), lest one such row fail the build. NaN in a
    column of numbers is how pandas writes that there is none. -#}
{% macro select_input_columns(input) %}
    {% set found = kindred.input_columns(input) %}
    {% for column, rule in kindred.input_contract(input).items() %}
        {%- set data_type = found.get(column) -%}
        {%- if data_type is none -%}
            cast(null as {{ kindred.type_of(rule.kind) }}) as {{ column }}
        {%- elif rule.kind == 'text' -%}
            nullif({{ kindred.as_text(column, data_type) }}, '') as {{ column }}
        {%- elif rule.kind == 'vector' -%}
            {%- set text = kindred.as_text(column, data_type) -%}
            case when {{ kindred.is_vector(text) }} then {{ text }} end as {{ column }}
        {%- elif rule.kind == 'number' -%}
            {%- set number = kindred.try_convert(column, data_type, rule.kind) -%}
            case when abs({{ number }}) < 1e12 then {{ number }} end as {{ column }}
        {%- else -%}
            {{ kindred.try_convert(column, data_type, rule.kind) }} as {{ column }}
        {%- endif -%}
        {%- if rule.kind != 'text' %},
        {% if data_type is not none and rule.kind == 'number' and kindred.is_of_kind(data_type, rule.kind) -%}
            case when abs({{ number }}) >= 1e12 then nullif(lower(cast({{ column }} as varchar)), 'nan') end
        {%- elif data_type is not none and rule.kind == 'vector' -%}
            nullif({{ text }}, '')
        {%- elif data_type is none or kindred.is_of_kind(data_type, rule.kind) -%}
            cast(null as varchar)
        {%- else -%}
            nullif(cast({{ column }} as varchar), '')
        {%- endif %} as {{ column }}_text
        {%- endif %}
        {{- "," if not loop.last }}
    {% endfor %}
{% endmacro %}
