{#- Stops the build where an item of the table is under no condition of the table of eligibility, and names such items:
    for a shop none of whose items is for everybody. A table of conditions that isn't named, or that has lost rows,
    would show everybody what it no longer speaks of. -#}
{% test all_have_conditions(model, column='item_id') %}
{% set found %}
    select items.{{ column }} as item_id
    from {{ model }} as items
    left join (select item_id from {{ ref('kindred', 'item_conditions') }} group by item_id) as conditions
        on items.{{ column }} = conditions.item_id
    where conditions.item_id is null
    order by items.{{ column }}
{% endset %}
{% if execute and flags.WHICH not in ['compile', 'generate', 'list', 'show'] %}
    {% set items = kindred.fetch_rows(found) | map(attribute='item_id') | list %}
    {% if items %}
        {% set pointer = kindred.table_pointer('eligibility') %}
        {% do exceptions.raise_compiler_error(
            "kindred: " ~ "{:,}".format(items | length) ~ " items of " ~ model.identifier ~ " are under no condition, so"
            ~ " everybody would be shown them: " ~ items[:5] | join(', ') ~ (", ..." if items | length > 5 else "")
            ~ ". " ~ ("Give each a row in '" ~ pointer ~ "', which kindred__tables, eligibility points at" if pointer
                else "Name the table that says who may be shown what: kindred__tables: {eligibility: ...}")
        ) %}
    {% endif %}
{% endif %}
{{ found }}
{% endtest %}
