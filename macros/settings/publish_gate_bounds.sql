{#- What each gate allows at most (models/serving/publish_gates.sql), the given over the defaults; none = off. A daily build
    without new events stops, also when it begins an hour early; the sample shop's events end once and for all. -#}
{% macro publish_gate_bounds() %}
    {% set bounds = {
        'catalog_coverage': 0.5,
        'changed_lists': 0.8,
        'quality': 2,
        'people': 0.5,
        'rejected_events': 0.1,
        'stale_data': 0.9 if kindred.has_own_inputs() else none,
        'data_age': none,
    } %}
    {% set given = var('kindred__gates') %}
    {#- dbt reads all models before validate_configuration may speak. A bare `off` is false in YAML. -#}
    {% for gate, bound in (given.items() if given is mapping else []) %}
        {% do bounds.update({gate: none if bound is sameas false or bound == 'off' else bound}) %}
    {% endfor %}
    {{ return(bounds) }}
{% endmacro %}
