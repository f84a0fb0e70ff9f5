{#- An aggregate: the group's rows as the text of a JSON array of arrays of `columns`, in the order of `order_by`; with
    one column, an array of its values. Column names would be half of what a serving store has to write. -#}
{% macro json_rows(columns, order_by) %}
    {{- return(adapter.dispatch('json_rows', 'kindred')(columns, order_by)) -}}
{% endmacro %}

{#- Sorting the finished list takes a tenth of the memory of an ordered aggregate. -#}
{% macro duckdb__json_rows(columns, order_by) -%}
    {%- set row = columns[0] if columns | length == 1 else 'json_array(' ~ columns | join(', ') ~ ')' -%}
    cast(to_json([entry['value'] for entry in list_sort(list({'key': {{ order_by }}, 'value': {{ row }}}))]) as varchar)
{%- endmacro %}

{% macro snowflake__json_rows(columns, order_by) -%}
    {#- A null would be left out of an array, or written as `undefined`. -#}
    {%- set values = [] -%}
    {%- for column in columns -%}
        {%- do values.append("coalesce(to_variant(" ~ column ~ "), parse_json('null'))") -%}
    {%- endfor -%}
    {%- set row = values[0] if values | length == 1 else 'array_construct(' ~ values | join(', ') ~ ')' -%}
    to_json(array_agg({{ row }}) within group (order by {{ order_by }}))
{%- endmacro %}
