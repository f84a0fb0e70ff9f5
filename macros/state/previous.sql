{#- The table of one of kindred's models as earlier builds left it, or none: SQL's one door to the state of the
    warehouse. docs/state.md lists its readers. Nothing orders a reader and the model that writes the table in this
    build, unless the reader also refs that model: a reader without such a ref leaves out the rows of this run. -#}
{% macro previous(table) %}
    {% if execute %}
        {#- A unit test has no graph. -#}
        {% for node in graph.get('nodes', {}).values() if node.resource_type == 'model' and node.name == table
            and node.package_name == 'kindred' %}
            {{ return(adapter.get_relation(node.database, node.schema, node.alias)) }}
        {% endfor %}
    {% endif %}
    {{ return(none) }}
{% endmacro %}
