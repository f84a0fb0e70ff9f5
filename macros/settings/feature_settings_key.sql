{#- What features are made by, as a short text: where it differs between two builds, their features differ with it and
    not with the data. The weights of event types, a table, come on top (drift_bins). -#}
{% macro feature_settings_key() %}
    {% set settings = {'version': kindred.default_settings().version, 'horizon_days': var('kindred__horizon_days')} %}
    {% for group in ['inputs', 'trackers', 'tracker_options', 'identity', 'privacy', 'traffic', 'lists'] %}
        {% do settings.update({group: kindred.setting(group)}) %}
    {% endfor %}
    {% for table in ['purposes', 'tracker_events', 'traffic_rules', 'blocked_ids'] %}
        {% do settings.update({table: kindred.setting('tables', table)}) %}
    {% endfor %}
    {{ return(local_md5(tojson(settings, sort_keys=true))) }}
{% endmacro %}
