{#- A setting: what the variable kindred__<group> gives under `key`, else its default. Without a key the whole group,
    merged key by key over its defaults. Its home is src/kindred/settings.py. -#}
{% macro setting(group, key=none) %}
    {% set settings = dict(kindred.default_settings().groups[group]) %}
    {% set given = var('kindred__' ~ group, {}) %}
    {#- dbt reads all models before validate_configuration may speak. -#}
    {% do settings.update(given if given is mapping else {}) %}
    {{ return(settings if key is none else settings[key]) }}
{% endmacro %}
