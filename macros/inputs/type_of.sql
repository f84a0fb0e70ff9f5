{#- The column type, the same word on both warehouses, of a kind of the input contract. -#}
{% macro type_of(kind) %}
    {{- return({'text': 'varchar', 'timestamp': 'timestamp', 'number': 'double', 'boolean': 'boolean'}[kind]) -}}
{% endmacro %}
