{#- Runs once at the start of an invocation and says what is wrong with the settings, all at once. -#}
{% macro validate_configuration() %}
    {% set problems = [] %}

    {% for name, value in {
        'kindred__horizon_days': var('kindred__horizon_days'),
        'kindred__lists, session_gap_minutes': kindred.setting('lists', 'session_gap_minutes'),
        'kindred__lists, n_recommendations': kindred.setting('lists', 'n_recommendations'),
        'kindred__lists, n_candidates': kindred.setting('lists', 'n_candidates'),
        'kindred__lists, expires_after_hours': kindred.setting('lists', 'expires_after_hours'),
        'kindred__generators, n_neighbors': kindred.setting('generators', 'n_neighbors'),
        'kindred__serving, kept_releases': kindred.setting('serving', 'kept_releases'),
        'kindred__experiments, conversion_days': kindred.setting('experiments', 'conversion_days'),
        'kindred__traffic, max_events_per_person': kindred.setting('traffic', 'max_events_per_person'),
        'kindred__traffic, min_events': kindred.setting('traffic', 'min_events'),
        'kindred__traffic, max_events_per_minute': kindred.setting('traffic', 'max_events_per_minute'),
        'kindred__traffic, max_items_per_day': kindred.setting('traffic', 'max_items_per_day'),
        'kindred__privacy, min_people': kindred.setting('privacy', 'min_people'),
        'kindred__privacy, max_items_per_person': kindred.setting('privacy', 'max_items_per_person'),
        'kindred__identity, max_ids_per_person': kindred.setting('identity', 'max_ids_per_person'),
        'kindred__identity, max_users_per_device': kindred.setting('identity', 'max_users_per_device'),
        'kindred__identity, max_devices_per_user': kindred.setting('identity', 'max_devices_per_user'),
        'kindred__identity, max_users_per_email': kindred.setting('identity', 'max_users_per_email'),
    }.items() if value is not integer or value is boolean or value < 1 %}
        {% do problems.append(name ~ " is '" ~ value ~ "': give a whole number of at least 1") %}
    {% endfor %}
    {% for name, value in {
        'kindred__traffic, max_rejected_share': kindred.setting('traffic', 'max_rejected_share'),
        'kindred__ranking, freshness': kindred.setting('ranking', 'freshness'),
        'kindred__tune_minutes': var('kindred__tune_minutes'),
        'kindred__serving, p99_ms': kindred.setting('serving', 'p99_ms'),
    }.items() if value is not number or value is boolean or value < 0 %}
        {% do problems.append(name ~ " is '" ~ value ~ "': give a number of at least 0") %}
    {% endfor %}
    {% set log_days = kindred.setting('experiments', 'log_days') %}
    {% if log_days != '' and (log_days is not integer or log_days is boolean or log_days < 0) %}
        {% do problems.append("kindred__experiments, log_days is '" ~ log_days
            ~ "': give a whole number of days, or '' to keep all") %}
    {% endif %}
    {% for key, bounds in {'alpha': [0, 0.5], 'power': [0.5, 1]}.items() %}
        {% set value = kindred.setting('experiments', key) %}
        {% if value is not number or value is boolean or value <= bounds[0] or value >= bounds[1] %}
            {% do problems.append("kindred__experiments, " ~ key ~ " is '" ~ value ~ "': give a number between "
                ~ bounds[0] ~ " and " ~ bounds[1]) %}
        {% endif %}
    {% endfor %}
    {% set margin_floor = kindred.setting('experiments', 'margin_floor') %}
    {% if margin_floor is not number or margin_floor is boolean or margin_floor < -1 or margin_floor > 100 %}
        {% do problems.append("kindred__experiments, margin_floor is '" ~ margin_floor
            ~ "': give the lowest margin as a part of the cost, such as 0 or 0.1") %}
    {% endif %}
    {% for key in ['diversity', 'fatigue', 'discovery_share', 'exploration_share'] %}
        {% set value = kindred.setting('ranking', key) %}
        {% if value is not number or value is boolean or value < 0 or value > 1 %}
            {% do problems.append("kindred__ranking, " ~ key ~ " is '" ~ value ~ "': give a number from 0 to 1") %}
        {% endif %}
    {% endfor %}
    {% for name, value in {
        'kindred__identity, case_insensitive_ids': kindred.setting('identity', 'case_insensitive_ids'),
        'kindred__identity, email': kindred.setting('identity', 'email'),
        'kindred__identity, serve_logged_out': kindred.setting('identity', 'serve_logged_out'),
    }.items() if value is not boolean %}
        {% do problems.append(name ~ " is '" ~ value ~ "': give true or false") %}
    {% endfor %}
    {% set segment_by = kindred.setting('lists', 'segment_by') %}
    {% if segment_by not in ['', 'country', 'preferences', 'attributes'] %}
        {% do problems.append("kindred__lists, segment_by is '" ~ segment_by
            ~ "': give country, preferences or attributes, the text columns of users, or '' for no segments") %}
    {% endif %}
    {% set store, path = kindred.setting('serving', 'store'), kindred.setting('serving', 'path') %}
    {% if var('kindred__train') not in ['always', 'when_due'] %}
        {% do problems.append("kindred__train is '" ~ var('kindred__train') ~ "': give always or when_due") %}
    {% endif %}
    {% if store not in ['sqlite', 'postgres', 'none'] %}
        {% do problems.append("kindred__serving, store is '" ~ store ~ "': give sqlite, postgres or none") %}
    {% endif %}
    {% if path is not string %}
        {% do problems.append("kindred__serving, path is '" ~ path
            ~ "': give a folder, or '' for one beside the DuckDB file") %}
    {% endif %}
    {% if kindred.setting('serving', 'request_log') is not string %}
        {% do problems.append("kindred__serving, request_log is '" ~ kindred.setting('serving', 'request_log')
            ~ "': give the folder that kindred serve --request-log writes to (Snowflake: schema.table), or ''") %}
    {% endif %}
    {% set attribute = kindred.setting('lists', 'variant_attribute') %}
    {% if attribute is not string or modules.re.search('["\\\\\']', attribute) is not none %}
        {% do problems.append("kindred__lists, variant_attribute is '" ~ attribute
            ~ "': give a key of the items' attributes without quotes, or '' for none") %}
    {% endif %}

    {% do problems.extend(
        kindred.variable_problems()
        + kindred.group_problems()
        + kindred.input_pointer_problems()
        + kindred.tracker_problems()
        + kindred.privacy_problems()
        + kindred.generator_problems()
        + kindred.bound_problems('kindred__training', kindred.default_settings().groups.training)
        + kindred.bound_problems('kindred__gates', kindred.gate_names('has_bound'))
        + kindred.override_problems()
        + kindred.time_problems()
        + kindred.hidden_model_problems()
    ) %}
    {% if problems %}
        {% do exceptions.raise_compiler_error(
            "kindred can't start, please correct in dbt_project.yml (vars) or in --vars:\n  - " ~ problems | join('\n  - ')
        ) %}
    {% endif %}

    {#- dbt's threads fill its cache of a schema table by table: who asks in between takes what is there for missing.
        -#}
    {% for input, pointer in kindred.input_pointers().items() if execute and '.' in pointer %}
        {% do load_relation(kindred.input_relation(input)) %}
    {% endfor %}
{% endmacro %}
