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
    {% for name, settings in kindred.generator_settings().items() %}
        {% set given = var(name) %}
        {% if given is not mapping %}
            {% do problems.append(name ~ " is '" ~ given ~ "': give a mapping such as {" ~ settings[0] ~ ": auto}") %}
        {% else %}
            {% for key, value in given.items() %}
                {% if key not in settings %}
                    {% do problems.append(name ~ " has '" ~ key ~ "': its settings are " ~ settings | join(', ')) %}
                {% elif value != 'auto' and (value is not number or value is boolean or value < 0) %}
                    {% do problems.append(name ~ " has " ~ key ~ " '" ~ value ~ "': give a number of at least 0, or auto") %}
                {% elif value != 'auto' and value <= 0 and key in [
                    'factors', 'iterations', 'regularization', 'ridge', 'n_steps', 'n_items', 'n_neighbors', 'n_sessions',
                    'per_item',
                ] %}
                    {#- With regularization 0 the equations of a person have no single solution. -#}
                    {% do problems.append(name ~ " has " ~ key ~ " " ~ value ~ ": give a number above 0, or auto") %}
                {% endif %}
            {% endfor %}
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

    {% if var('kindred__training') not in ['always', 'when_due'] %}
        {% do problems.append("kindred__training is '" ~ var('kindred__training') ~ "': give always or when_due") %}
    {% endif %}
    {% set retrain = var('kindred__retrain') %}
    {% if retrain is not mapping %}
        {% do problems.append("kindred__retrain is '" ~ retrain ~ "': give a mapping such as {age_days: 7}") %}
    {% else %}
        {% for name, bound in retrain.items() %}
            {% if name not in ['age_days', 'new_events_share', 'drift'] %}
                {% do problems.append("kindred__retrain has '" ~ name
                    ~ "': its bounds are age_days, new_events_share, drift") %}
            {% elif bound is not sameas false and bound != 'off' and (
                bound is not number or bound is boolean or bound < 0
            ) %}
                {% do problems.append("kindred__retrain has " ~ name ~ " '" ~ bound
                    ~ "': give a number of at least 0, or off") %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {% if var('kindred__serving_store') not in ['sqlite', 'postgres', 'none'] %}
        {% do problems.append("kindred__serving_store is '" ~ var('kindred__serving_store')
            ~ "': give sqlite, postgres or none") %}
    {% endif %}
    {% if var('kindred__serving_path') is not string %}
        {% do problems.append("kindred__serving_path is '" ~ var('kindred__serving_path')
            ~ "': give a folder, or '' for one beside the DuckDB file") %}
    {% endif %}
    {% set gates = kindred.gate_texts() | list %}
    {% set bounds = var('kindred__publish_gates') %}
    {% if bounds is not mapping %}
        {% do problems.append("kindred__publish_gates is '" ~ bounds ~ "': give a mapping such as {changed_lists: 0.5}") %}
    {% else %}
        {% for gate, bound in bounds.items() %}
            {% if gate not in gates %}
                {% do problems.append("kindred__publish_gates has '" ~ gate ~ "': the gates are " ~ gates | join(', ')) %}
            {#- YAML reads a bare off as false. -#}
            {% elif bound is not sameas false and bound != 'off' and (
                bound is not number or bound is boolean or bound < 0
            ) %}
                {% do problems.append("kindred__publish_gates has " ~ gate ~ " '" ~ bound
                    ~ "': give a number of at least 0, or off") %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {% set overridden = var('kindred__override_gates') %}
    {% if overridden is string or overridden is not iterable %}
        {% do problems.append("kindred__override_gates is '" ~ overridden ~ "': give a list such as [changed_lists]") %}
    {% else %}
        {% for gate in overridden if gate not in gates + ['rollback_hold'] %}
            {% do problems.append("kindred__override_gates has '" ~ gate ~ "': the gates are "
                ~ (gates + ['rollback_hold']) | join(', ')) %}
        {% endfor %}
        {#- In dbt_project.yml it would let everything through for ever. -#}
        {% if overridden and 'kindred__override_gates' not in invocation_args_dict.get('vars', {}) %}
            {% do problems.append("kindred__override_gates is for one run: give it with --vars, not in dbt_project.yml") %}
        {% endif %}
    {% endif %}

    {% set attribute = var('kindred__variant_attribute') %}
    {% if attribute is not string or modules.re.search('["\\\\\']', attribute) is not none %}
        {% do problems.append("kindred__variant_attribute is '" ~ attribute
            ~ "': give a key of the items' attributes without quotes, or '' for none") %}
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
    {% set form = '^[12]\d{3}-(0[1-9]|1[012])-[0-3]\d([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?)?$' %}
    {% set is_moment = modules.re.match(form, as_of) is not none %}
    {% if is_moment %}
        {#- The month's first day plus so many days lies in another month for 30 February and the like. -#}
        {% set first = modules.datetime.date(as_of[:4] | int, as_of[5:7] | int, 1) %}
        {% set is_moment = (first + modules.datetime.timedelta(days=as_of[8:10] | int - 1)).month == first.month %}
    {% endif %}
    {% if as_of and not is_moment %}
        {% do problems.append("kindred__as_of is '" ~ as_of ~ "': give a UTC date or time such as 2026-05-01 or "
            ~ "2026-05-01 06:00:00, or '' for the newest events") %}
    {% endif %}

    {#- Only what was given on the command line can be listed here; there a misspelt name would change nothing. -#}
    {% for name in invocation_args_dict.get('vars', {}) if name.startswith('kindred__') and name not in kindred.setting_names() %}
        {% do problems.append(name ~ " is no setting of kindred; dbt_project.yml of the package lists them all") %}
    {% endfor %}

    {#- A model of the user's project that bears the name of one of ours would be read in its place by all our models. -#}
    {% if execute %}
        {% set own_names, hidden = [], [] %}
        {% for node in graph.nodes.values() if node.package_name == 'kindred' %}{% do own_names.append(node.name) %}{% endfor %}
        {% for node in graph.nodes.values() if node.package_name == 'kindred' and node.resource_type == 'model' %}
            {% for parent in node.depends_on.nodes if parent.split('.')[1] != 'kindred' %}
                {% if parent.split('.')[2] in own_names %}{% do hidden.append(parent.split('.')[2]) %}{% endif %}
            {% endfor %}
        {% endfor %}
        {% for name in hidden | unique %}
            {% do problems.append("your project has '" ~ name ~ "' as kindred has, and kindred's models would read yours. "
                ~ "Set `require_ref_searches_node_package_before_root: true` under `flags:` in your dbt_project.yml; "
                ~ "or, if yours is to replace kindred's, disable kindred's") %}
        {% endfor %}
    {% endif %}

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
