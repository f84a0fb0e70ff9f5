{#- What dbt runs for a function of the type table: it has this for scalar functions only. dbt looks for these names in
    the package of the function at hand, so they stay kindred's own where kindred is installed as a package. -#}
{% macro duckdb__table_function_sql(target_relation) -%}
    create or replace macro {{ target_relation }}(
        {%- for argument in model.arguments %}{{ argument.name }} := {{ argument.default_value }}{{ ", " if not loop.last }}{% endfor -%}
    ) as table
    {{ model.compiled_code }}
{%- endmacro %}

{% macro snowflake__table_function_sql(target_relation) -%}
    create or replace function {{ target_relation }}({{ formatted_scalar_function_args_sql() }})
    returns {{ model.returns.data_type }}
    as $$
    {{ model.compiled_code }}
    $$
{%- endmacro %}
