{#- Stops the build where the shop's own table under `name` of kindred__tables has no rows: a load that failed would
    otherwise change what the table decides for everybody. consequence: what an empty table would mean. -#}
{% macro require_rows(name, consequence) %}
    {% set pointer = kindred.table_pointer(name) %}
    {% set count = "select count(*) as n_rows" %}
    {% set counted = kindred.known_rows(count, kindred.table_relation(name)) if pointer else none %}
    {% if counted is not none and counted[0].n_rows | int == 0 %}
        {% do exceptions.raise_compiler_error(
            "kindred: kindred__tables, " ~ name ~ " points at '" ~ pointer ~ "', and it has no rows: " ~ consequence
            ~ ". See why it wasn't loaded and load it again; or, if that is what you want, leave " ~ name
            ~ " out of kindred__tables"
        ) %}
    {% endif %}
{% endmacro %}
