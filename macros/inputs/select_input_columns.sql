{#- The select list that brings a user's table into the contract's types. -#}
{% macro select_input_columns(input) %}
    {{- kindred.select_columns(
        kindred.input_contract(input), kindred.input_columns(input), as_written=(input == 'events')
    ) -}}
{% endmacro %}

{#- The same of any table: contract as of input_contract, found: {column: data type}. Absent columns and empty text
    become null. What can't be converted becomes null too, and `<column>_text` keeps what stood there, so that it can be
    reported: so does a number that no sum could hold (infinite, 1e12 and more), lest one such row fail the build. NaN
    in a column of numbers is how pandas writes that there is none. Of ids, names and words `<column>_text` is what
    stood there where their normal form is another. as_written: leave them as they are; events do, as typed_events looks
    them up. -#}
{% macro select_columns(contract, found, as_written=false) %}
    {% for column, rule in contract.items() %}
        {%- set data_type = found.get(column) -%}
        {%- set is_normalized = rule.form and not as_written -%}
        {%- if data_type is none -%}
            cast(null as {{ kindred.type_of(rule.kind) }}) as {{ column }}
        {%- elif rule.kind == 'text' -%}
            {%- set text = kindred.as_text(column, data_type) -%}
            {%- set has_forms = is_normalized and kindred.has_spellings(data_type) -%}
            {%- set normal = kindred.normal_form(text, rule.form) if has_forms else text -%}
            nullif({{ normal }}, '') as {{ column }}
        {%- elif rule.kind == 'vector' -%}
            {%- set text = kindred.as_text(column, data_type) -%}
            case when {{ kindred.is_embedding(text) }} then {{ text }} end as {{ column }}
        {%- elif rule.kind == 'number' -%}
            {%- set number = kindred.try_convert(column, data_type, rule.kind) -%}
            case when abs({{ number }}) < 1e12 then {{ number }} end as {{ column }}
        {%- elif rule.kind == 'boolean' -%}
            {{ kindred.read_boolean(column, data_type, rule.words) }} as {{ column }}
        {%- else -%}
            {{ kindred.try_convert(column, data_type, rule.kind) }} as {{ column }}
        {%- endif -%}
        {%- if rule.kind != 'text' or is_normalized %},
        {% if data_type is not none and rule.kind == 'number' and kindred.is_of_kind(data_type, rule.kind) -%}
            case when abs({{ number }}) >= 1e12 then nullif(lower(cast({{ column }} as varchar)), 'nan') end
        {%- elif data_type is not none and rule.kind == 'vector' -%}
            nullif({{ text }}, '')
        {%- elif data_type is not none and is_normalized and kindred.has_spellings(data_type) -%}
            case when coalesce({{ normal }}, '') <> {{ text }} then {{ text }} end
        {%- elif data_type is none or is_normalized or kindred.is_of_kind(data_type, rule.kind) -%}
            cast(null as varchar)
        {%- else -%}
            nullif(cast({{ column }} as varchar), '')
        {%- endif %} as {{ column }}_text
        {%- endif %}
        {{- "," if not loop.last }}
    {% endfor %}
{% endmacro %}

{#- A text in the normal form of its kind. -#}
{% macro normal_form(text, form) %}
    {{- return({'id': kindred.normal_id, 'name': kindred.normal_text, 'word': kindred.normal_word}[form](text)) -}}
{% endmacro %}

{#- Whether a column of a warehouse type can hold two spellings of one id: whole numbers and UUIDs can't. -#}
{% macro has_spellings(data_type) %}
    {% set whole = [
        'tinyint', 'smallint', 'int', 'bigint', 'hugeint', 'utinyint', 'usmallint', 'uint', 'ubigint', 'uhugeint', 'uuid'
    ] %}
    {% for beginning in whole if data_type.startswith(beginning) %}
        {{ return(false) }}
    {% endfor %}
    {{ return(not data_type.endswith(',0)')) }}
{% endmacro %}
