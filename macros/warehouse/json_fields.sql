{#- A select of one row per key of the JSON objects in `column`, for each row of `relation`: `field` and, as text, its
    `value`. What is no JSON object has none. `keep` names columns of the relation to hand on. -#}
{% macro json_fields(relation, column, keep=[]) %}
    {{- return(adapter.dispatch('json_fields', 'kindred')(relation, column, keep)) -}}
{% endmacro %}

{% macro duckdb__json_fields(relation, column, keep) -%}
    {%- set json = relation ~ '.' ~ column -%}
    select
        {% for name in keep %}{{ relation }}.{{ name }}, {% endfor %}
        entries.key as field,
        entries.value ->> '$' as value
    from {{ relation }}
    cross join json_each(
        case when json_valid({{ json }}) and ltrim({{ json }}, chr(9) || chr(10) || chr(13) || ' ') like '{{ "{%" }}' then {{ json }} else '{}' end
    ) as entries
{%- endmacro %}

{% macro snowflake__json_fields(relation, column, keep) -%}
    select
        {% for name in keep %}{{ relation }}.{{ name }}, {% endfor %}
        entries.key as field,
        cast(entries.value as varchar) as value
    from {{ relation }}
    cross join lateral flatten(input => try_parse_json({{ relation }}.{{ column }})) as entries
    where entries.key is not null
{%- endmacro %}
