{#- After a run on DuckDB: drops the temporary tables that dbt-duckdb leaves behind for incremental Python models, one
    for each model and run. -#}
{% macro drop_leftovers() %}
    {% if execute and target.type == 'duckdb' and flags.WHICH in ['build', 'run'] %}
        {% for node in graph.nodes.values() if node.package_name == 'kindred' and node.language == 'python'
            and node.config.materialized == 'incremental' %}
            {% for row in kindred.fetch_rows(
                "select table_name from information_schema.tables where table_catalog = '" ~ node.database
                ~ "' and table_schema = '" ~ node.schema ~ "' and starts_with(table_name, '" ~ node.alias ~ "__dbt_tmp')"
            ) %}
                {% set leftover = api.Relation.create(node.database, node.schema, row.table_name, type='table') %}
                {% do kindred.run_and_commit("drop table " ~ leftover) %}
            {% endfor %}
        {% endfor %}
    {% endif %}
{% endmacro %}
