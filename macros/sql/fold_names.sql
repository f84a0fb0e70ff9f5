{#- The folds to build, of those there are. dbt reads all models before validate_configuration may speak: a wrong
    setting mustn't fail in the models in its own way. -#}
{% macro fold_names() %}
    {% set wanted = var('kindred__folds') %}
    {{ return(['tuning', 'backtest', 'live'] | select('in', wanted if wanted is iterable else []) | list) }}
{% endmacro %}
