{#- The opposite of json_rows: a select of one row per entry of the JSON array in `column`, for each row of `relation`.
    `place` counts from 0. `fields` has name and type of what an entry holds, in its order; with one field, the entry
    itself is the value. `keep` names columns of the relation to hand on. -#}
{% macro unnest_json_rows(relation, column, fields, keep=[]) %}
    {{- return(adapter.dispatch('unnest_json_rows', 'kindred')(relation, column, fields, keep)) -}}
{% endmacro %}

{% macro duckdb__unnest_json_rows(relation, column, fields, keep) -%}
    select
        {% for name in keep %}{{ relation }}.{{ name }}, {% endfor %}
        {%- for name, data_type in fields.items() %}
        cast(entries.value ->> {{ "'$'" if fields | length == 1 else loop.index0 }} as {{ data_type }}) as {{ name }},
        {%- endfor %}
        {{ kindred.entry_place('entries') }} as place
    from {{ relation }}
    cross join {{ kindred.json_entries(relation ~ '.' ~ column) }} as entries
{%- endmacro %}

{% macro snowflake__unnest_json_rows(relation, column, fields, keep) -%}
    select
        {% for name in keep %}{{ relation }}.{{ name }}, {% endfor %}
        {%- for name, data_type in fields.items() %}
        cast(entries.value{{ "" if fields | length == 1 else "[" ~ loop.index0 ~ "]" }} as {{ data_type }}) as {{ name }},
        {%- endfor %}
        {{ kindred.entry_place('entries') }} as place
    from {{ relation }}
    cross join {{ kindred.json_entries(relation ~ '.' ~ column) }} as entries
{%- endmacro %}
