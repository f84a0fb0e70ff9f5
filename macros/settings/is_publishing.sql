{#- Whether a build may publish: a replay of another day and a build without the fold live may not. -#}
{% macro is_publishing() %}
    {{ return('live' in kindred.fold_names() and not var('kindred__as_of')) }}
{% endmacro %}
