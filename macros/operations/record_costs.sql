{#- At the end of a run: what each node of kindred cost, into run_costs, whether the run went well or not. A replay
    leaves no trace. Where the table isn't there yet, the run ended before it was made. -#}
{% macro record_costs(results) %}
    {% set relation = kindred.previous('run_costs') %}
    {% if not relation or flags.WHICH not in ['build', 'run'] or var('kindred__as_of') %}{{ return('') }}{% endif %}
    {% set tables, failed, rows = {}, [], [] %}
    {% for result in results if result.node.package_name == 'kindred' %}
        {% set node, status = result.node, result.status | string %}
        {% if status in ['error', 'runtime error', 'partial success', 'fail', 'skipped'] %}
            {% do failed.append(node.name) %}
        {% endif %}
        {% if status == 'success' and node.config.materialized in ['table', 'incremental', 'seed'] %}
            {% do tables.update({node.name: node.relation_name}) %}
        {% endif %}
    {% endfor %}
    {% set sizes = kindred.table_sizes(tables) %}
    {#- dbt counts exposures among the results, with which it does nothing. -#}
    {% for result in results if result.node.package_name == 'kindred' and result.status | string != 'no-op' %}
        {% set size = sizes.get(result.node.name, {}) %}
        {% do rows.append(kindred.cost_row(
            result.node.name, result.node.resource_type, result.status, result.execution_time,
            size.get('n_rows'), size.get('n_bytes'), (result.adapter_response or {}).get('query_id')
        )) %}
    {% endfor %}
    {% set seconds = (modules.datetime.datetime.now(modules.pytz.utc) - run_started_at).total_seconds() %}
    {% do rows.append(kindred.cost_row(
        '', 'run', 'error' if failed else 'success', seconds, none, kindred.warehouse_bytes(sizes), none
    )) %}
    {% do kindred.run_and_commit(
        "insert into " ~ relation ~ " (run_id, node, resource_type, status, seconds, n_rows, n_bytes, query_id, started_at)"
        ~ " values " ~ rows | join(', ')
    ) %}
{% endmacro %}

{% macro cost_row(node, resource_type, status, seconds, n_rows, n_bytes, query_id) %}
    {% set texts = [] %}
    {% for text in [invocation_id, node, resource_type | string, status | string] %}
        {% do texts.append(kindred.text_literal(text)) %}
    {% endfor %}
    {% for number in [seconds, n_rows, n_bytes] %}
        {% do texts.append('null' if number is none else number | string) %}
    {% endfor %}
    {% do texts.append(kindred.text_literal(query_id) if query_id else 'null') %}
    {{ return("(" ~ texts | join(', ') ~ ", '" ~ kindred.run_clock() ~ "')") }}
{% endmacro %}

{#- {name: {n_rows, n_bytes}} of tables, {name: relation}. -#}
{% macro table_sizes(tables) %}
    {% set counts, sizes = [], {} %}
    {% for name, relation in tables.items() %}
        {% do counts.append("select '" ~ name ~ "' as name, count(*) as n_rows from " ~ relation) %}
    {% endfor %}
    {% for row in (kindred.fetch_rows(counts | join(' union all ')) if counts else []) %}
        {% do sizes.update({row.name: {'n_rows': row.n_rows | int}}) %}
    {% endfor %}
    {{ return(adapter.dispatch('with_bytes', 'kindred')(tables, sizes)) }}
{% endmacro %}

{% macro duckdb__with_bytes(tables, sizes) %}{{ return(sizes) }}{% endmacro %}

{% macro snowflake__with_bytes(tables, sizes) %}
    {% set names = {} %}
    {% for name, relation in tables.items() %}
        {% do names.update({relation | replace('"', '') | upper: name}) %}
    {% endfor %}
    {% for row in kindred.fetch_rows(
        "select table_catalog || '.' || table_schema || '.' || table_name as name, bytes from information_schema.tables"
    ) if row.name | upper in names and names[row.name | upper] in sizes and row.bytes is not none %}
        {% do sizes[names[row.name | upper]].update({'n_bytes': row.bytes | int}) %}
    {% endfor %}
    {{ return(sizes) }}
{% endmacro %}

{#- The bytes that the whole warehouse of kindred takes: DuckDB's file, on Snowflake the tables of the run. -#}
{% macro warehouse_bytes(sizes) %}
    {{ return(adapter.dispatch('warehouse_bytes', 'kindred')(sizes)) }}
{% endmacro %}

{% macro duckdb__warehouse_bytes(sizes) %}
    {% for row in kindred.fetch_rows(
        "select cast(block_size * total_blocks as bigint) as n_bytes from pragma_database_size() where database_name = "
        ~ kindred.text_literal(target.database)
    ) %}{{ return(row.n_bytes | int) }}{% endfor %}
    {{ return(none) }}
{% endmacro %}

{% macro snowflake__warehouse_bytes(sizes) %}
    {{ return(sizes.values() | map(attribute='n_bytes') | select('number') | sum) }}
{% endmacro %}

{#- Writes the credits of runs of the last `days` into run_costs: Snowflake tells them up to eight hours after a query.
    It needs the privilege to read SNOWFLAKE.ACCOUNT_USAGE. dbt run-operation fill_credits -#}
{% macro fill_credits(days=14, history='snowflake.account_usage.query_attribution_history') %}
    {% set relation = kindred.previous('run_costs') %}
    {% if target.type != 'snowflake' or not relation %}
        {% do exceptions.raise_compiler_error(
            "kindred: credits are Snowflake's, and run_costs must be there: run dbt build"
        ) %}
    {% endif %}
    {#- A procedure's queries have its own as their root. -#}
    {% do kindred.run_and_commit(
        "update " ~ relation ~ " set credits = spent.credits from (select coalesce(root_query_id, query_id) as id,"
        ~ " sum(credits_attributed_compute) as credits from " ~ history ~ " where start_time >= "
        ~ dbt.dateadd('day', -days, kindred.utc_now()) ~ " group by coalesce(root_query_id, query_id)) as spent"
        ~ " where " ~ relation ~ ".query_id = spent.id"
    ) %}
    {% do kindred.run_and_commit(
        "update " ~ relation ~ " set credits = spent.credits from (select run_id as id, sum(credits) as credits from "
        ~ relation ~ " where node <> '' group by run_id) as spent where node = '' and " ~ relation ~ ".run_id = spent.id"
    ) %}
{% endmacro %}
