{#- A select of `columns` ({name: data type}) from what an earlier build left in `table`. Without such a table it has no
    rows; a column that an earlier version did not write is null. -#}
{% macro previous_rows(table, columns) %}
    {%- set relation, found, fields = kindred.previous(table), [], [] -%}
    {%- if relation -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do found.append(column.name | lower) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- for name, data_type in columns.items() -%}
        {%- do fields.append("cast(" ~ (name if name in found else 'null') ~ " as " ~ data_type ~ ") as " ~ name) -%}
    {%- endfor -%}
    select {{ fields | join(', ') }}{{ " from " ~ relation if relation else " where false" }}
{%- endmacro %}
