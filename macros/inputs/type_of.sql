{#- The column type, the same word on both warehouses, of a kind of the input contract. -#}
{% macro type_of(kind) %}
    {% set types = {
        'text': 'varchar', 'timestamp': 'timestamp', 'number': 'double', 'boolean': 'boolean', 'vector': 'varchar',
    } %}
    {{- return(types[kind]) -}}
{% endmacro %}
