{#- The rows that `select`, up to its `from`, finds in a model that was built before this one; none where that can't be
    known yet: the model isn't built, or is rows in the query of a unit test and has no schema. -#}
{% macro known_rows(select, relation) %}
    {% set found = load_relation(relation) if execute and relation.schema else none %}
    {% if found is none or flags.WHICH in ['compile', 'generate', 'show', 'list'] %}
        {{ return(none) }}
    {% endif %}
    {{ return(kindred.fetch_rows(select ~ " from " ~ found)) }}
{% endmacro %}
