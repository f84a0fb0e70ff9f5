{#- The opposite of json_object: a select of one row per key of the JSON object in `column`, for each row of `relation`.
    `key` names the column of keys, `value` that of values, which are numbers. `keep` names columns of the relation to
    hand on. -#}
{% macro unnest_json_object(relation, column, key, value, keep=[]) -%}
    select
        {% for name in keep %}{{ relation }}.{{ name }}, {% endfor %}
        entries.key as {{ key }},
        cast(entries.value as double) as {{ value }}
    from {{ relation }}
    cross join {{ kindred.json_entries(relation ~ '.' ~ column) }} as entries
{%- endmacro %}
