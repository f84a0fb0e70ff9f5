{#- What is wrong with kindred__trackers and kindred__tracker_options. -#}
{% macro tracker_problems() %}
    {% set problems, seen = [], {} %}
    {% set given = var('kindred__trackers') %}
    {% for tracker, value in (given if given is mapping else {}).items() if value %}
        {% set is_list = value is not string and value is iterable and value is not mapping %}
        {% for schema in (value if is_list else [value]) %}
            {% if schema is not string or '' in schema.split('.') or schema.split('.') | length > 2 %}
                {% do problems.append("kindred__trackers has " ~ tracker ~ ": '" ~ value
                    ~ "': give the schema that it writes into, database.schema, or a list of them") %}
            {% elif schema | lower in seen %}
                {% do problems.append("kindred__trackers names the schema " ~ schema ~ " for " ~ seen[schema | lower]
                    ~ " and for " ~ tracker ~ ": give each tracker the schema that it writes into") %}
            {% else %}
                {% do seen.update({schema | lower: tracker}) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {% set trackers = kindred.default_settings().groups.trackers | list %}
    {% for option in ['item_keys', 'time_zones'] %}
        {% set value = kindred.setting('tracker_options', option) %}
        {% if value is not mapping %}
            {% do problems.append("kindred__tracker_options, " ~ option ~ " is '" ~ value
                ~ "': give a mapping such as {segment: ...}") %}
        {% else %}
            {% for tracker in value if tracker not in trackers %}
                {% do problems.append("kindred__tracker_options, " ~ option ~ " has '" ~ tracker ~ "', did you mean "
                    ~ kindred.nearest_name(tracker, trackers) ~ "?") %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {% set zones = kindred.setting('tracker_options', 'time_zones') %}
    {% for tracker, zone in (zones if zones is mapping else {}).items() if zone not in modules.pytz.all_timezones %}
        {% do problems.append("kindred__tracker_options, time_zones has " ~ tracker ~ ": '" ~ zone
            ~ "', which is no time zone: give a name such as Europe/Berlin or US/Pacific") %}
    {% endfor %}
    {% if kindred.setting('tracker_options', 'shopify_item') not in ['product', 'variant'] %}
        {% do problems.append("kindred__tracker_options, shopify_item is '"
            ~ kindred.setting('tracker_options', 'shopify_item') ~ "': give product or variant") %}
    {% endif %}
    {% set currency = kindred.setting('tracker_options', 'currency') %}
    {% if currency is not string or (currency and modules.re.fullmatch('[A-Za-z]{3}', currency) is none) %}
        {% do problems.append("kindred__tracker_options, currency is '" ~ currency
            ~ "': give three letters such as EUR, or ''") %}
    {% elif kindred.setting('tracker_options', 'rates') and not currency %}
        {% do problems.append("kindred__tracker_options has rates and no currency: give the one they lead to") %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}

{#- Raises where the table tracker_events names an event type that event_weights doesn't know. -#}
{% macro check_tracker_events() %}
    {% if not execute or flags.WHICH in ['compile', 'generate', 'list', 'show'] %}{{ return('') }}{% endif %}
    {% set query %}
        select
            tracker,
            event_name,
            event_type
        from (
            select
                {{ kindred.select_table_columns('tracker_events') }}
            from {{ kindred.table_relation('tracker_events') }}
        ) as mapping
        where event_type not in (
            select {{ kindred.normal_word('cast(event_type as varchar)') }}
            from {{ kindred.table_relation('event_weights') }}
            where event_type is not null
        )
        order by
            tracker,
            event_name
    {% endset %}
    {% for row in kindred.fetch_rows(query) %}
        {% do exceptions.raise_compiler_error(
            "kindred: the table tracker_events maps " ~ row.event_name ~ " of " ~ row.tracker ~ " to '" ~ row.event_type
            ~ "', which event_weights doesn't have: name the type there (kindred__tables: {event_weights: ...}), or "
            ~ "map the event to a type that it has"
        ) %}
    {% endfor %}
{% endmacro %}
