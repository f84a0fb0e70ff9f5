{#- What a trained model may reach before it is trained anew (models/candidates/training_policy.sql), the given over the
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

{#- The settings of what is trained, as JSON: with others an earlier training is of no use. -#}
{% macro training_settings() %}
    {% set settings = {} %}
    {% for name in ['kindred__als', 'kindred__neighbors', 'kindred__sequence', 'kindred__slim', 'kindred__n_neighbors'] %}
        {% do settings.update({name: var(name)}) %}
    {% endfor %}
    {{ return(tojson(settings, sort_keys=True)) }}
{% endmacro %}

{#- builds of earlier builds; none before the first, and where a kindred made it that kept no such diary. -#}
{% macro training_diary() %}
    {% set diary = kindred.built_relation('builds') %}
    {% if diary %}
        {% for column in adapter.get_columns_in_relation(diary) if column.name | lower == 'learned_until' %}
            {{ return(diary) }}
        {% endfor %}
    {% endif %}
    {{ return(none) }}
{% endmacro %}
