{#- Fails for every row that has something in `column`, and prints it: dbt shows no rows of a failed test. -#}
{% test has_no_problems(model, id_column, column) %}
{% set found %}
    select
        {{ id_column }} as id,
        {{ column }} as problem
    from {{ model }}
    where {{ column }} is not null
    order by
        {{ id_column }} nulls first,
        {{ column }}
{% endset %}
{% if execute and flags.WHICH not in ['compile', 'generate', 'list', 'show'] %}
    {% for row in kindred.fetch_rows(found) %}
        {% do print("kindred: " ~ id_column ~ " '" ~ (row.id or '') ~ "' of " ~ model.identifier ~ ": " ~ row.problem) %}
    {% endfor %}
{% endif %}

select
    {{ id_column }},
    {{ column }}
from {{ model }}
where {{ column }} is not null
{% endtest %}
