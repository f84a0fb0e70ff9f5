{#- What a trained model may reach before it is trained again (models/training/training_policy.sql). A bound that is
    off, which YAML reads as false, is left out. -#}
{% macro retraining_bounds() %}
    {% set kept = {} %}
    {% for name, bound in kindred.setting('training').items() if not (bound is sameas false or bound == 'off') %}
        {% do kept.update({name: bound}) %}
    {% endfor %}
    {{ return(kept) }}
{% endmacro %}

{#- The settings of what is trained, as JSON: with others an earlier training is of no use. -#}
{% macro training_settings() %}
    {% set min_people = kindred.setting('privacy', 'min_people') %}
    {{ return(
        tojson(kindred.generator_settings(is_trained=true), sort_keys=True)
        ~ (" min_people " ~ min_people if min_people > 1 else "")
    ) }}
{% endmacro %}
