{#- What a trained model may reach before it is trained anew (models/behavior/training_policy.sql), the given over the
    defaults; a bare `off` is false in YAML and leaves a bound out. -#}
{% macro retraining_bounds() %}
    {% set bounds = {'age_days': 7, 'new_events_share': 0.1, 'drift': 0.25} %}
    {% set given = var('kindred__retrain') %}
    {#- dbt reads all models before validate_configuration may speak. -#}
    {% for name, bound in (given.items() if given is mapping else []) %}
        {% do bounds.update({name: bound}) %}
    {% endfor %}
    {% set kept = {} %}
    {% for name, bound in bounds.items() if not (bound is sameas false or bound == 'off') %}
        {% do kept.update({name: bound}) %}
    {% endfor %}
    {{ return(kept) }}
{% endmacro %}
