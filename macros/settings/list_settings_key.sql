{#- What lists are made by, as a short text: where it differs between two builds, the shop changed its lists and not its
    data. The tables of generators, policies and rules come on top (list_settings). -#}
{% macro list_settings_key() %}
    {% set settings = {'version': kindred.default_settings().version, 'horizon_days': var('kindred__horizon_days')} %}
    {% for group in ['lists', 'generators', 'ranking'] %}
        {% do settings.update({group: kindred.setting(group)}) %}
    {% endfor %}
    {{ return(local_md5(tojson(settings, sort_keys=true))) }}
{% endmacro %}
