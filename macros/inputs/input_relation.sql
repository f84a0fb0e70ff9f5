{#- The table that kindred__inputs points at, or none where the input is not given. -#}
{% macro input_relation(input) %}
    {% set pointer = kindred.input_pointers()[input] %}
    {{ return(kindred.pointed_relation(pointer, 'kindred__inputs has ' ~ input, input) if pointer else none) }}
{% endmacro %}

{#- The table that a pointer means: a name without a dot is a model or seed of the dbt graph; with a dot it is a table
    that somebody else keeps, which is a source of dbt (models/inputs/_sources.yml) where it is an input. what: how a
    message about it begins. -#}
{% macro pointed_relation(pointer, what, input=none) %}
    {% if pointer is not string or pointer.split('.') | length > 3 or '' in pointer.split('.') %}
        {% do exceptions.raise_compiler_error(what ~ " '" ~ pointer
            ~ "': give the name of a dbt model or seed, or schema.table") %}
    {% elif pointer in kindred.default_settings().groups.inputs and pointer != 'erasures' %}
        {#- It would be taken for kindred's own model of that name, which reads this table: a circle. -#}
        {% do exceptions.raise_compiler_error(what ~ " '" ~ pointer
            ~ "', which is a model of kindred's own: give your model another name, such as shop_" ~ pointer) %}
    {% elif '.' not in pointer %}
        {{ return(ref(pointer)) }}
    {% elif input %}
        {{ return(source('kindred_' ~ input, input)) }}
    {% endif %}
    {% set parts = pointer.split('.') %}
    {{ return(api.Relation.create(
        database=parts[-3] if parts | length > 2 else target.database,
        schema=parts[-2],
        identifier=parts[-1]
    )) }}
{% endmacro %}
