{#- The names of all settings, as dbt_project.yml of the package lists them. -#}
{% macro setting_names() %}
    {{ return([
        'kindred__events', 'kindred__items', 'kindred__users', 'kindred__consents', 'kindred__requires_consent',
        'kindred__variant_attribute',
        'kindred__as_of', 'kindred__horizon_days', 'kindred__folds', 'kindred__session_gap_minutes',
        'kindred__segment_by', 'kindred__n_recommendations', 'kindred__n_candidates', 'kindred__expires_after_hours',
        'kindred__n_neighbors', 'kindred__als', 'kindred__neighbors', 'kindred__sequence', 'kindred__sessions',
        'kindred__slim',
        'kindred__content', 'kindred__tune_minutes', 'kindred__training', 'kindred__retrain',
        'kindred__diversity', 'kindred__freshness', 'kindred__exploration_share',
        'kindred__serving_store', 'kindred__serving_path', 'kindred__kept_releases', 'kindred__publish_gates',
        'kindred__override_gates',
        'kindred__log_days', 'kindred__conversion_days',
        'kindred__max_rejected_share',
    ]) }}
{% endmacro %}
