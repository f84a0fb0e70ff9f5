{#- Whether a policy may draw places of its published lists by chance (exploration_share). -#}
{% macro explores() %}
    {{ return('live' in kindred.fold_names() and kindred.some_policy_has('exploration_share')) }}
{% endmacro %}
