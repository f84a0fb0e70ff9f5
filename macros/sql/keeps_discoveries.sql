{#- Whether a policy may keep places of its lists for items that the person hasn't bought (discovery_share). -#}
{% macro keeps_discoveries() %}
    {% set share = kindred.setting('ranking', 'discovery_share') | float %}
    {{ return(share > 0 or kindred.has_table('policies')) }}
{% endmacro %}
