{#- The first build after an upgrade takes over what builds of an earlier version left, before any model looks back.
    Each step is one statement that does nothing where it was done before, so a build that is killed in between harms
    nothing: the next one goes on. Tables under old names stay, for apps and people that still read them; kindred never
    reads them again. -#}
{% macro upgrade() %}
    {% if execute and flags.WHICH not in ['compile', 'generate', 'list', 'show'] %}
        {% set steps = kindred.upgrade_steps() %}
        {% for table, old_table in steps.tables.items() %}{% do kindred.take_over_table(table, old_table) %}{% endfor %}
        {% for step in steps.columns %}{% do kindred.take_over_column(*step) %}{% endfor %}
        {% if flags.WHICH in ['build', 'seed'] %}{% do kindred.drop_changed_seeds() %}{% endif %}
    {% endif %}
{% endmacro %}

{#- What has another name or more columns since version 0.1.0: {table: old name}, and (table, column, old name, what
    rows of the version before mean by it). -#}
{% macro upgrade_steps() %}
    {{ return({
        'tables': {'builds': 'model_runs', 'releases': 'serving_releases', 'published_generators': 'published_sources'},
        'columns': [
            ('recommendation_log', 'generator', 'source', none),
            ('recommendation_log', 'policy', none, 'main'),
            ('publish_gates', 'evaluated_at', 'judged_at', none),
            ('published_generators', 'generator', 'source', none),
            ('published_lists', 'policy', none, 'main'),
            ('published_lists', 'activity', none, ''),
            ('published_lists', 'eligible_for', none, '[]'),
            ('published_items', 'eligibility', none, ''),
            ('published_session_settings', 'has_eligibility', none, 'false'),
        ],
    }) }}
{% endmacro %}

{#- Where a table is or would be: that of a model, or one that publication writes beside the model releases. -#}
{% macro upgraded_relation(table) %}
    {% set model = 'releases' if table.startswith('published_') else table %}
    {% for node in graph.nodes.values() if node.resource_type == 'model' and node.name == model
        and node.package_name == 'kindred' %}
        {{ return(api.Relation.create(
            database=node.database, schema=node.schema, identifier=node.alias if model == table else table, type='table'
        )) }}
    {% endfor %}
    {{ return(none) }}
{% endmacro %}

{#- The type that a model's YAML gives a column; none where it gives none. Snowflake had kept a count that was never
    known as a fraction. -#}
{% macro declared_type(table, column) %}
    {% for node in graph.nodes.values() if node.resource_type == 'model' and node.name == table
        and node.package_name == 'kindred' and column in node.columns %}
        {{ return(node.columns[column].data_type) }}
    {% endfor %}
    {{ return(none) }}
{% endmacro %}

{% macro take_over_table(table, old_table) %}
    {% set relation = kindred.upgraded_relation(table) %}
    {% if relation and not load_cached_relation(relation) %}
        {% set old_relation = adapter.get_relation(relation.database, relation.schema, old_table) %}
        {% if old_relation %}
            {% set fields = [] %}
            {% for column in adapter.get_columns_in_relation(old_relation) %}
                {% set data_type = kindred.declared_type(table, column.name | lower) %}
                {% do fields.append("cast(" ~ column.name ~ " as " ~ data_type ~ ") as " ~ column.name
                    if data_type else column.name) %}
            {% endfor %}
            {% do kindred.run_and_commit(
                "create table " ~ relation ~ " as select " ~ fields | join(', ') ~ " from " ~ old_relation
            ) %}
            {% do adapter.cache_added(relation.incorporate(dbt_created=true)) %}
            {% do print("kindred: " ~ relation ~ " takes over the rows of " ~ old_relation) %}
        {% endif %}
    {% endif %}
{% endmacro %}

{% macro take_over_column(table, column, old_column, value) %}
    {% set relation, names = kindred.upgraded_relation(table), [] %}
    {% set found = load_cached_relation(relation) if relation %}
    {% if found %}
        {% for known in adapter.get_columns_in_relation(found) %}{% do names.append(known.name | lower) %}{% endfor %}
        {% if column in names %}
        {% elif old_column in names %}
            {% do kindred.run_and_commit("alter table " ~ found ~ " rename column " ~ old_column ~ " to " ~ column) %}
        {% elif value is not none %}
            {% do kindred.run_and_commit(
                "alter table " ~ found ~ " add column " ~ column ~ " varchar default " ~ kindred.text_literal(value)
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}

{#- dbt fills the table of a seed that is there already, and fails where the seed has other columns by now: such a
    table is dropped, and dbt makes it again. -#}
{% macro drop_changed_seeds() %}
    {% for node in graph.nodes.values() if node.resource_type == 'seed' and node.package_name == 'kindred'
        and node.config.column_types %}
        {% set found, names = adapter.get_relation(node.database, node.schema, node.alias), [] %}
        {% if found %}
            {% for column in adapter.get_columns_in_relation(found) %}
                {% do names.append(column.name | lower) %}
            {% endfor %}
            {% if names | sort != node.config.column_types | map('lower') | sort %}
                {% do adapter.drop_relation(found) %}
                {% do adapter.commit() %}
            {% endif %}
        {% endif %}
    {% endfor %}
{% endmacro %}

{#- A statement in a transaction of its own: what a hook leaves open dbt rolls back. -#}
{% macro run_and_commit(sql) %}
    {% call statement('take_over') %}{{ sql }}{% endcall %}
    {% do adapter.commit() %}
{% endmacro %}
