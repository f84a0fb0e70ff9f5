{#- Whether a warehouse type (lower case) already is of a kind of the input contract. -#}
{% macro is_of_kind(data_type, kind) %}
    {% set beginnings = {
        'timestamp': ['timestamp', 'datetime', 'date'],
        'number': [
            'tinyint', 'smallint', 'int', 'bigint', 'hugeint', 'utinyint', 'usmallint', 'uint', 'ubigint', 'uhugeint',
            'decimal', 'numeric', 'number', 'float', 'double', 'real', 'fixed',
        ],
        'boolean': ['bool'],
    }[kind] %}
    {% for beginning in beginnings if data_type.startswith(beginning) %}
        {{ return(true) }}
    {% endfor %}
    {{ return(kind == data_type) }}
{% endmacro %}
