{#- The rows of a query as dictionaries with lower-case keys, on both warehouses. -#}
{% macro fetch_rows(query) %}
    {% set rows = [] %}
    {% set result = run_query(query) %}
    {% for row in result.rows %}
        {% set fields = {} %}
        {% for name in result.column_names %}{% do fields.update({name | lower: row[name]}) %}{% endfor %}
        {% do rows.append(fields) %}
    {% endfor %}
    {{ return(rows) }}
{% endmacro %}
