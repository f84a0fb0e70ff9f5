{#- Stops the build where an item of the table is under no condition of the table of eligibility, and names such items:
    for a shop none of whose items is for everybody. A table of conditions that isn't named, or that has lost rows,
    would show everybody what it no longer speaks of. A test of the shop's own project doesn't see the variables that
    are under `vars: kindred:`, so what it says goes by the tables. -#}
{% test all_have_conditions(model, column='item_id') %}
{% set found %}
    select
        items.{{ column }} as item_id,
        (select count(*) from {{ ref('kindred', 'item_conditions') }}) as n_conditions
    from {{ model }} as items
    left join (select item_id from {{ ref('kindred', 'item_conditions') }} group by item_id) as conditions
        on items.{{ column }} = conditions.item_id
    where conditions.item_id is null
    order by items.{{ column }}
{% endset %}
{% if execute and flags.WHICH not in ['compile', 'generate', 'list', 'show'] %}
    {% set rows = kindred.fetch_rows(found) %}
    {% if rows %}
        {% set items = rows | map(attribute='item_id') | list %}
        {% do exceptions.raise_compiler_error(
            "kindred: " ~ "{:,}".format(items | length) ~ " items of " ~ model.identifier ~ " are under no condition, so"
            ~ " everybody would be shown them: " ~ items[:5] | join(', ') ~ (", ..." if items | length > 5 else "") ~ ". "
            ~ ("Give each a row in the table that kindred__tables, eligibility points at" if rows[0].n_conditions | int
                else "Name the table that says who may be shown what: kindred__tables: {eligibility: ...}")
        ) %}
    {% endif %}
{% endif %}
{{ found }}
{% endtest %}
