{#- Whether a policy may draw places of its published lists by chance (exploration_share). -#}
{% macro explores() %}
    {% set share = kindred.setting('ranking', 'exploration_share') | float %}
    {{ return('live' in kindred.fold_names() and (share > 0 or kindred.has_table('policies'))) }}
{% endmacro %}
