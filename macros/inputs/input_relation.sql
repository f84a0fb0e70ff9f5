{#- The table that `kindred__<input>` points at, or none where the input is not given. A name without a dot is a model
    or seed of the dbt graph; with a dot it is a table that somebody else keeps. -#}
{% macro input_relation(input) %}
    {% set pointer = var('kindred__' ~ input) %}
    {% if not pointer %}
        {{ return(none) }}
    {% elif '.' not in pointer %}
        {{ return(ref(pointer)) }}
    {% endif %}
    {% set parts = pointer.split('.') %}
    {{ return(api.Relation.create(
        database=parts[-3] if parts | length > 2 else target.database,
        schema=parts[-2],
        identifier=parts[-1]
    )) }}
{% endmacro %}
