{#- The text of one JSON object, of {name: expression}: texts are escaped, a null becomes a JSON null, numbers, booleans
    and lists stay what they are. `json` names those whose expression is the text of JSON already. -#}
{% macro json_record(fields, json=[]) %}
    {{- return(adapter.dispatch('json_record', 'kindred')(fields, json)) -}}
{% endmacro %}

{% macro duckdb__json_record(fields, json) -%}
    cast(json_object(
        {%- for name, value in fields.items() -%}
            {{ kindred.text_literal(name) }}, {{ 'cast(' ~ value ~ ' as json)' if name in json else value }}
            {{- ", " if not loop.last }}
        {%- endfor -%}
    ) as varchar)
{%- endmacro %}

{% macro snowflake__json_record(fields, json) -%}
    to_json(object_construct_keep_null(
        {%- for name, value in fields.items() -%}
            {{ kindred.text_literal(name) }}, {{ 'parse_json(' ~ value ~ ')' if name in json else value }}
            {{- ", " if not loop.last }}
        {%- endfor -%}
    ))
{%- endmacro %}
