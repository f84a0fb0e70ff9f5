{#- Fails where a table is not what the YAML of its model or seed says: a column is missing, unknown or of another type,
    or a column with the constraint not_null has nulls. dbt refuses contracts on Python models; this test is theirs. It
    compares types as dbt's contracts do, on both warehouses; Snowflake may keep a list as ARRAY or VARIANT. An
    incremental table may have columns of an earlier version. The test looks while it is compiled and prints what it
    found, because dbt shows no rows of a failed test. -#}
{% test keeps_contract(model) %}
{% set problems, declared, found, is_incremental = [], {}, {}, namespace(found=false) %}
{% if execute and flags.WHICH not in ['compile', 'generate', 'list', 'show'] %}
    {% for node in graph.nodes.values() if node.resource_type in ['model', 'seed']
        and node.relation_name == model | string %}
        {% do declared.update(node.columns) %}
        {% set is_incremental.found = node.config.materialized == 'incremental' %}
    {% endfor %}
    {% for column in declared.values() | selectattr('data_type', 'none') | list %}
        {% do problems.append("column " ~ column.name ~ " has no data_type in the YAML") %}
        {% do declared.pop(column.name) %}
    {% endfor %}
    {% for column in get_column_schema_from_query('select * from ' ~ model ~ ' where false') %}
        {% do found.update({column.name | lower: column.dtype}) %}
    {% endfor %}
    {% for column in get_column_schema_from_query(get_empty_schema_sql(declared)) %}
        {% set name = column.name | lower %}
        {% if name not in found %}
            {% do problems.append("column " ~ name ~ " is missing") %}
        {% elif found[name] != column.dtype and [found[name], column.dtype] | sort != ['ARRAY', 'VARIANT'] %}
            {% do problems.append("column " ~ name ~ " is " ~ found[name] ~ ", not " ~ column.dtype) %}
        {% endif %}
    {% endfor %}
    {% for name in found if name not in declared and not is_incremental.found %}
        {% do problems.append("column " ~ name ~ " isn't in the YAML") %}
    {% endfor %}
    {% set nulls %}
        {% for name, column in declared.items() if name in found
            and column.constraints | selectattr('type', 'equalto', 'not_null') | list %}
        select '{{ name }}' as column_name
        where exists (select 1 from {{ model }} where {{ name }} is null)
        union all
        {% endfor %}
        select 'none' as column_name
        where false
    {% endset %}
    {% for row in kindred.fetch_rows(nulls) %}
        {% do problems.append("column " ~ row.column_name ~ " has nulls") %}
    {% endfor %}
    {% for problem in problems %}
        {% do print("kindred: " ~ model.identifier ~ ": " ~ problem) %}
    {% endfor %}
{% endif %}

{% for problem in problems %}
select {{ kindred.text_literal(problem) }} as problem
union all
{% endfor %}
select 'none' as problem
where false
{% endtest %}
