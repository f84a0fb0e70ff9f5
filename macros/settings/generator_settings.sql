{#- The settings of each generator; DEFAULT_SETTINGS in macros/python/python_tuning.sql has their defaults. -#}
{% macro generator_settings() %}
    {{ return({
        'kindred__als': ['factors', 'iterations', 'regularization', 'alpha'],
        'kindred__neighbors': [
            'user_exponent', 'source_exponent', 'target_exponent', 'decay', 'n_steps', 'n_neighbors',
        ],
        'kindred__sequence': ['target_exponent', 'decay', 'n_steps'],
        'kindred__sessions': [
            'decay', 'n_steps', 'n_items', 'memory_decay', 'n_sessions', 'per_item', 'source_exponent',
            'target_exponent',
        ],
        'kindred__slim': [
            'user_exponent', 'ridge', 'n_neighbors', 'source_exponent', 'target_exponent', 'decay', 'n_steps',
        ],
        'kindred__content': ['decay', 'n_steps'],
    }) }}
{% endmacro %}
