{#- Runs once at the start of an invocation and says what is wrong with the settings, all at once. -#}
{% macro validate_configuration() %}
    {% set problems = [] %}

    {% if not var('kindred__events') %}
        {% do problems.append("kindred__events is empty: name the table or model that holds your events") %}
    {% endif %}

    {% set positive_whole = [
        'kindred__horizon_days', 'kindred__session_gap_minutes', 'kindred__n_recommendations', 'kindred__n_candidates',
        'kindred__expires_after_hours', 'kindred__n_neighbors', 'kindred__kept_releases', 'kindred__conversion_days',
    ] %}
    {% for name in positive_whole %}
        {% set value = var(name) %}
        {% if value is not integer or value is boolean or value < 1 %}
            {% do problems.append(name ~ " is '" ~ value ~ "': give a whole number of at least 1") %}
        {% endif %}
    {% endfor %}
    {% for name in ['kindred__max_rejected_share', 'kindred__freshness', 'kindred__tune_minutes'] %}
        {% set value = var(name) %}
        {% if value is not number or value is boolean or value < 0 %}
            {% do problems.append(name ~ " is '" ~ value ~ "': give a number of at least 0") %}
        {% endif %}
    {% endfor %}
    {% set log_days = var('kindred__log_days') %}
    {% if log_days != '' and (log_days is not integer or log_days is boolean or log_days < 0) %}
        {% do problems.append("kindred__log_days is '" ~ log_days ~ "': give a whole number of days, or '' to keep all") %}
    {% endif %}
    {% for name in ['kindred__diversity', 'kindred__exploration_share'] %}
        {% set value = var(name) %}
        {% if value is not number or value is boolean or value < 0 or value > 1 %}
            {% do problems.append(name ~ " is '" ~ value ~ "': give a number from 0 to 1") %}
        {% endif %}
    {% endfor %}
    {% if var('kindred__requires_consent') is not boolean %}
        {% do problems.append("kindred__requires_consent is '" ~ var('kindred__requires_consent')
            ~ "': give true or false") %}
    {% endif %}
    {% if var('kindred__segment_by') not in ['', 'country', 'preferences', 'attributes'] %}
        {% do problems.append("kindred__segment_by is '" ~ var('kindred__segment_by')
            ~ "': give country, preferences or attributes, the text columns of users, or '' for no segments") %}
    {% endif %}

    {% for name, choices in {
        'kindred__training': ['always', 'when_due'], 'kindred__serving_store': ['sqlite', 'postgres', 'none'],
    }.items() if var(name) not in choices %}
        {% do problems.append(name ~ " is '" ~ var(name) ~ "': give " ~ choices[:-1] | join(', ') ~ " or " ~ choices[-1]) %}
    {% endfor %}
    {% if var('kindred__serving_path') is not string %}
        {% do problems.append("kindred__serving_path is '" ~ var('kindred__serving_path')
            ~ "': give a folder, or '' for one beside the DuckDB file") %}
    {% endif %}
    {% set attribute = var('kindred__variant_attribute') %}
    {% if attribute is not string or modules.re.search('["\\\\\']', attribute) is not none %}
        {% do problems.append("kindred__variant_attribute is '" ~ attribute
            ~ "': give a key of the items' attributes without quotes, or '' for none") %}
    {% endif %}

    {#- Only what was given on the command line can be listed here; there a misspelt name would change nothing. -#}
    {% for name in invocation_args_dict.get('vars', {}) if name.startswith('kindred__') and name not in kindred.setting_names() %}
        {% do problems.append(name ~ " is no setting of kindred; dbt_project.yml of the package lists them all") %}
    {% endfor %}

    {% do problems.extend(
        kindred.generator_problems()
        + kindred.bound_problems('kindred__retrain', ['age_days', 'new_events_share', 'drift'], 'its bounds', 'age_days: 7')
        + kindred.bound_problems('kindred__publish_gates', kindred.gate_texts(), 'the gates', 'changed_lists: 0.5')
        + kindred.override_problems()
        + kindred.time_problems()
        + kindred.hidden_model_problems()
    ) %}
    {% if problems %}
        {% do exceptions.raise_compiler_error(
            "kindred can't start, please mend in dbt_project.yml (vars) or in --vars:\n  - " ~ problems | join('\n  - ')
        ) %}
    {% endif %}

    {#- dbt's threads fill its cache of a schema table by table: who asks in between takes what is there for missing. -#}
    {% for input in ['events', 'items', 'users', 'consents'] if execute and '.' in (var('kindred__' ~ input) or '') %}
        {% do load_relation(kindred.input_relation(input)) %}
    {% endfor %}
{% endmacro %}
