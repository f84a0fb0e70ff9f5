{#- The names of all variables of kindred. -#}
{% macro setting_names() %}
    {% set names = [] %}
    {% for group in ['groups', 'plain'] %}
        {% for name in kindred.default_settings()[group] %}{% do names.append('kindred__' ~ name) %}{% endfor %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}
