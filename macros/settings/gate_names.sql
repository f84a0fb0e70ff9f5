{#- The publish gates that have `property`: has_bound (kindred__gates may name another) or is_overridable. The seed
    `gates` says so; `make embed` copies it, because dbt can't read a seed before it is loaded. -#}
{% macro gate_names(property) %}
    {% set names = [] %}
    {% for gate, properties in kindred.default_settings().gates.items() if properties[property] %}
        {% do names.append(gate) %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}
