{#- Fails for each way in which a table is not what it should be. One test and one query per table: each test costs a
    build as much as a small table does.
    key: columns that are never null and, together, never twice the same.
    not_null: further columns that are never null.
    ranges: list of {columns, at_least, at_most, where}; null is in every range.
    known: {column: {to: a table, field: its column if named differently, values: [...]}}; a value stands in the table or
    in the list; null is known.
    contract: true for tables whose contract dbt does not check, those of Python models and seeds. -#}
{% test well_formed(model, key=[], not_null=[], ranges=[], known={}, contract=false) %}
{% if key %}
select
    'key is null in part or not unique' as problem,
    concat(
        '{{ key | join(', ') }}: '
        {%- for column in key %}, coalesce(cast({{ column }} as varchar), 'null'){{ ", ', '" if not loop.last }}{% endfor -%}
    ) as found,
    count(*) as n_rows
from {{ model }}
group by {{ key | join(', ') }}
having count(*) > 1
    or {% for column in key %}{{ column }} is null{{ " or " if not loop.last }}{% endfor %}

union all
{% endif %}
{% for column in not_null %}
select
    '{{ column }} is null' as problem,
    'null' as found,
    count(*) as n_rows
from {{ model }}
where {{ column }} is null
having count(*) > 0
union all
{% endfor %}
{% for range in ranges %}
{% for column in range['columns'] %}
select
    '{{ column }} is out of range' as problem,
    cast({{ column }} as varchar) as found,
    count(*) as n_rows
from {{ model }}
where (
        {{ column }} < {{ range.get('at_least', column) }}
        or {{ column }} > {{ range.get('at_most', column) }}
    )
    and {{ range.get('where', 'true') }}
group by {{ column }}
union all
{% endfor %}
{% endfor %}
{% for column, values in known.items() %}
{% set field = values.get('field', column) %}
select
    '{{ column }} is unknown' as problem,
    cast(found.{{ column }} as varchar) as found,
    found.n_rows
from (
    select
        {{ column }},
        count(*) as n_rows
    from {{ model }}
    where {{ column }} is not null
    group by {{ column }}
) as found
{% if 'to' in values %}
left join (select {{ field }} as known_value from {{ values.get('to') }} group by {{ field }}) as known
    on found.{{ column }} = known.known_value
{% endif %}
where {{ "known.known_value is null" if 'to' in values else "true" }}
{% if 'values' in values %}
    and found.{{ column }} not in (
        {%- for value in values.get('values') %}
            {{- kindred.text_literal(value) if value is string else value }}{{ ", " if not loop.last }}
        {%- endfor -%}
    )
{% endif %}
union all
{% endfor %}
{% for problem in (kindred.contract_problems(model) if contract else []) %}
select
    'contract' as problem,
    {{ kindred.text_literal(problem) }} as found,
    1 as n_rows
union all
{% endfor %}
select
    'none' as problem,
    'none' as found,
    0 as n_rows
where false
{% endtest %}

{#- How a table differs from the YAML of its model or seed: a column is missing, unknown or of another type, or a column
    with the constraint not_null has nulls. It compares types as dbt's contracts do, on both warehouses; Snowflake may keep
    a list as ARRAY or VARIANT. An incremental table may have columns of an earlier version. It looks while the test is
    compiled and prints what it found, because dbt shows no rows of a failed test. -#}
{% macro contract_problems(model) %}
    {% set problems, declared, found, is_incremental = [], {}, {}, namespace(found=false) %}
    {% if not execute or flags.WHICH in ['compile', 'generate', 'list', 'show'] %}{{ return(problems) }}{% endif %}
    {% set relation_name = model | string %}
    {% for node in graph.nodes.values() if node.relation_name == relation_name %}
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
    {{ return(problems) }}
{% endmacro %}
