{#- How many places of each published list are drawn by chance (kindred__ranking: exploration_share). -#}
{% macro explored_places() %}
    {% set share = kindred.setting('ranking', 'exploration_share') | float if 'live' in kindred.fold_names() else 0 %}
    {{ return((share * (kindred.setting('lists', 'n_recommendations') | int) + 0.5) | int) }}
{% endmacro %}
