{#- The columns of tracked_columns that one of `models` has: an adapter leaves out what none of its rows can have. All,
    where that can't be known yet: a model isn't built, or is rows in the query of a unit test. -#}
{% macro filled_columns(models) %}
    {% set names = [] %}
    {% for model in models %}
        {% set relation = ref('kindred', model) %}
        {% set found = load_relation(relation) if execute and relation.schema else none %}
        {% if found is none %}
            {{ return(kindred.tracked_columns() | list) }}
        {% endif %}
        {% for column in adapter.get_columns_in_relation(found) %}{% do names.append(column.name | lower) %}{% endfor %}
    {% endfor %}
    {{ return(kindred.tracked_columns() | select('in', names) | list) }}
{% endmacro %}
