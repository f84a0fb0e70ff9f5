{#- Whether experiments are named (kindred__tables: experiments), or a foreign log. Where there are none, the models
    that read them don't exist, and a build costs what it did. -#}
{% macro has_experiments() %}
    {{ return(kindred.has_table('experiments') or kindred.has_table('foreign_log')) }}
{% endmacro %}
