{#- Runs once at the start of an invocation and says what is wrong with the settings, all at once. -#}
{% macro validate_configuration() %}
    {% set problems = [] %}

    {% for name in ['kindred__events', 'kindred__items', 'kindred__users', 'kindred__consents'] %}
        {% set value = var(name) %}
        {% if value and (value is not string or value.split('.') | length > 3) %}
            {% do problems.append(name ~ " is '" ~ value ~ "': give the name of a dbt model or seed, or schema.table") %}
        {% endif %}
    {% endfor %}
    {% if not var('kindred__events') %}
        {% do problems.append("kindred__events is empty: name the table or model that holds your events") %}
    {% endif %}

    {% set positive_whole = [
        'kindred__horizon_days', 'kindred__session_gap_minutes', 'kindred__n_recommendations', 'kindred__n_candidates',
        'kindred__expires_after_hours', 'kindred__als_factors', 'kindred__als_iterations',
    ] %}
    {% for name in positive_whole %}
        {% set value = var(name) %}
        {% if value is not integer or value is boolean or value < 1 %}
            {% do problems.append(name ~ " is '" ~ value ~ "': give a whole number of at least 1") %}
        {% endif %}
    {% endfor %}
    {% for name in ['kindred__als_regularization', 'kindred__als_alpha', 'kindred__max_rejected_share'] %}
        {% set value = var(name) %}
        {% if value is not number or value is boolean or value < 0 %}
            {% do problems.append(name ~ " is '" ~ value ~ "': give a number of at least 0") %}
        {% endif %}
    {% endfor %}
    {% if var('kindred__requires_consent') is not boolean %}
        {% do problems.append("kindred__requires_consent is '" ~ var('kindred__requires_consent')
            ~ "': give true or false") %}
    {% endif %}
    {% if var('kindred__segment_by') and not modules.re.match('^[a-z_]+$', var('kindred__segment_by') | string) %}
        {% do problems.append("kindred__segment_by is '" ~ var('kindred__segment_by')
            ~ "': name a text column of users such as country, or give ''") %}
    {% endif %}

    {% set folds = var('kindred__folds') %}
    {% if folds is string or folds is not iterable or not folds %}
        {% do problems.append("kindred__folds is '" ~ folds ~ "': give a list such as [backtest, live]") %}
    {% else %}
        {% for fold in folds if fold not in ['tuning', 'backtest', 'live'] %}
            {% do problems.append("kindred__folds has '" ~ fold ~ "': the folds are tuning, backtest and live") %}
        {% endfor %}
        {% if folds | unique | list | length != folds | length %}
            {% do problems.append("kindred__folds names a fold twice: " ~ folds | join(', ')) %}
        {% endif %}
    {% endif %}

    {% set as_of = var('kindred__as_of') | string %}
    {% if as_of and not modules.re.match('^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?$', as_of) %}
        {% do problems.append("kindred__as_of is '" ~ as_of ~ "': give a UTC date or time such as 2026-05-01 or "
            ~ "2026-05-01 06:00:00, or '' for the newest events") %}
    {% endif %}

    {#- Only what was given on the command line can be listed here; there a misspelt name would change nothing. -#}
    {% for name in invocation_args_dict.get('vars', {}) if name.startswith('kindred__') and name not in kindred.setting_names() %}
        {% do problems.append(name ~ " is no setting of kindred; dbt_project.yml of the package lists them all") %}
    {% endfor %}

    {% if problems %}
        {% do exceptions.raise_compiler_error(
            "kindred can't start, please mend in dbt_project.yml (vars) or in --vars:\n  - " ~ problems | join('\n  - ')
        ) %}
    {% endif %}
{% endmacro %}
