{#- An aggregate: one text for all rows, which differs where a text or a number of one of them does. -#}
{% macro rows_key(texts, numbers, order_by) -%}
    {%- set fields = [] -%}
    {%- for text in texts -%}
        {%- do fields.append("coalesce(" ~ text ~ ", '')") -%}
    {%- endfor -%}
    {%- for number in numbers -%}
        {%- do fields.append("coalesce(cast(cast(" ~ number ~ " as decimal(28, 6)) as varchar), '')") -%}
    {%- endfor -%}
    md5(coalesce({{ dbt.listagg("concat(" ~ fields | join(", ' ', ") ~ ")", "','", 'order by ' ~ order_by) }}, ''))
{%- endmacro %}
