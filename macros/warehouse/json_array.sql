{#- An aggregate: the group's rows as the text of a JSON array of objects of `columns`, in the order of one of them. -#}
{% macro json_array(columns, order_by) %}
    {{- return(adapter.dispatch('json_array', 'kindred')(columns, order_by)) -}}
{% endmacro %}

{#- Sorting the finished list takes a tenth of the memory of an ordered aggregate. The first field decides the order,
    so it must be `order_by`. -#}
{% macro duckdb__json_array(columns, order_by) -%}
    {%- set fields = [order_by] + columns | reject('equalto', order_by) | list -%}
    cast(to_json(list_sort(list({
        {%- for field in fields %}'{{ field }}': {{ field }}{{ ", " if not loop.last }}{% endfor -%}
    }))) as varchar)
{%- endmacro %}

{% macro snowflake__json_array(columns, order_by) -%}
    to_json(array_agg(object_construct_keep_null(
        {%- for field in columns %}'{{ field }}', {{ field }}{{ ", " if not loop.last }}{% endfor -%}
    )) within group (order by {{ order_by }}))
{%- endmacro %}
