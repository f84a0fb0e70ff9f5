{#- The opposite of json_object: a select of one row per key of the JSON object in `column`, for each row of `relation`.
    `key` names the column of keys, `value` that of values, which are numbers. `keep` names columns of the relation to
    hand on. -#}
{% macro unnest_json_object(relation, column, key, value, keep=[]) %}
    {{- return(adapter.dispatch('unnest_json_object', 'kindred')(relation, column, key, value, keep)) -}}
{% endmacro %}

{% macro duckdb__unnest_json_object(relation, column, key, value, keep) -%}
    select
        {% for name in keep %}{{ relation }}.{{ name }}, {% endfor %}
        entries.key as {{ key }},
        cast(entries.value as double) as {{ value }}
    from {{ relation }}
    cross join json_each({{ relation }}.{{ column }}) as entries
{%- endmacro %}

{% macro snowflake__unnest_json_object(relation, column, key, value, keep) -%}
    select
        {% for name in keep %}{{ relation }}.{{ name }}, {% endfor %}
        entries.key as {{ key }},
        cast(entries.value as double) as {{ value }}
    from {{ relation }}
    cross join lateral flatten(input => parse_json({{ relation }}.{{ column }})) as entries
{%- endmacro %}
