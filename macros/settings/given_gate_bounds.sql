{#- The bounds that kindred__gates gives, by gate; none = off, for which YAML reads a bare `off` as false. -#}
{% macro given_gate_bounds() %}
    {% set bounds = {} %}
    {% set given = var('kindred__gates') %}
    {#- dbt reads all models before validate_configuration may speak. -#}
    {% for gate, bound in (given.items() if given is mapping else []) %}
        {% do bounds.update({gate: none if bound is sameas false or bound == 'off' else bound}) %}
    {% endfor %}
    {{ return(bounds) }}
{% endmacro %}
