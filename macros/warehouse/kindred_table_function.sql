{#- Builds a function of the type table, which dbt has for scalar functions only. A materialization of kindred's own,
    because dbt looks for overrides of its macros in the root project: as a package kindred would need a `dispatch`
    there. -#}
{% materialization kindred_table_function, default, supported_languages=['sql'] %}
    {% set target_relation = this.incorporate(type=this.Function) %}
    {{ run_hooks(pre_hooks) }}
    {{ function_execute_build_sql(
        kindred.table_function_sql(target_relation), load_cached_relation(this), target_relation
    ) }}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% macro table_function_sql(target_relation) %}
    {{- return(adapter.dispatch('table_function_sql', 'kindred')(target_relation)) -}}
{% endmacro %}

{% macro duckdb__table_function_sql(target_relation) -%}
    create or replace macro {{ target_relation }}(
        {%- for argument in model.arguments -%}
            {{ argument.name }} := {{ argument.default_value }}{{ ", " if not loop.last }}
        {%- endfor -%}
    ) as table
    {{ model.compiled_code }}
{%- endmacro %}

{% macro snowflake__table_function_sql(target_relation) -%}
    create or replace function {{ target_relation }}(
        {%- for argument in model.arguments -%}
            {{ argument.name }} {{ argument.data_type }} default {{ argument.default_value }}{{ ", " if not loop.last }}
        {%- endfor -%}
    )
    returns {{ model.returns.data_type }}
    as $$
    {{ model.compiled_code }}
    $$
{%- endmacro %}
