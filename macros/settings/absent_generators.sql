{#- The optional generators that kindred__generators doesn't name: their models aren't there. -#}
{% macro absent_generators() %}
    {% set absent, given = [], kindred.setting('generators') %}
    {% for name, generator in kindred.default_settings().generators.items() %}
        {% if generator.is_optional and name not in given %}{% do absent.append(name) %}{% endif %}
    {% endfor %}
    {{ return(absent) }}
{% endmacro %}
