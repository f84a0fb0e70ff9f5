{#- Fails for each value of a column that is unknown: it stands neither in another table (`to`, and there in the column
    `field`, else in the one of the same name) nor in a list (`values`). Null passes. One query for all columns of a
    table instead of one test per column: a build runs these on many tables. -#}
{% test known_values(model, columns) %}
{% for column, known in columns.items() %}
{% set field = known.get('field', column) %}
select
    '{{ column }}' as column_name,
    cast(found.{{ column }} as varchar) as unknown_value,
    found.n_rows
from (
    select
        {{ column }},
        count(*) as n_rows
    from {{ model }}
    where {{ column }} is not null
    group by {{ column }}
) as found
{% if 'to' in known %}
left join (select {{ field }} as known_value from {{ known.get('to') }} group by {{ field }}) as known
    on found.{{ column }} = known.known_value
{% endif %}
where {{ "known.known_value is null" if 'to' in known else "true" }}
{% if 'values' in known %}
    and found.{{ column }} not in (
        {%- for value in known.get('values') %}
            {{- kindred.text_literal(value) if value is string else value }}{{ ", " if not loop.last }}
        {%- endfor -%}
    )
{% endif %}
{{ "union all" if not loop.last }}
{% endfor %}
{% endtest %}
