{#- The table that kindred__inputs points at, or none where the input is not given. A name without a dot is a model
    or seed of the dbt graph; with a dot it is a table that somebody else keeps. -#}
{% macro input_relation(input) %}
    {% set pointer = kindred.input_pointers()[input] %}
    {% if not pointer %}
        {{ return(none) }}
    {% elif pointer is not string or pointer.split('.') | length > 3 %}
        {% do exceptions.raise_compiler_error("kindred__inputs has " ~ input ~ " '" ~ pointer
            ~ "': give the name of a dbt model or seed, or schema.table") %}
    {% elif pointer in ['events', 'items', 'users', 'consents'] %}
        {#- It would be taken for kindred's own model of that name, which reads this table: a circle. -#}
        {% do exceptions.raise_compiler_error("kindred__inputs has " ~ input ~ " '" ~ pointer
            ~ "', which is a model of kindred's own: give your model another name, such as shop_" ~ pointer) %}
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
