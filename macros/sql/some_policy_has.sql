{#- Whether a policy may have a setting of kindred__ranking above 0: by default, or in the table of policies. -#}
{% macro some_policy_has(key) %}
    {{ return(kindred.setting('ranking', key) | float > 0 or kindred.has_table('policies')) }}
{% endmacro %}
