{#- What apps are served: release_id, run_id, generated_at and measures, the figures that gates compare: a list of
    {gate, measure, standard_error, first_at}, [] for a release of a version before 0.1.0. None where nothing is served.
    The one door to it; publication and rollback write it beside the store (src/kindred/publishing). -#}
{% macro served() %}
    {% if not execute %}{{ return(none) }}{% endif %}
    {% set found = kindred.read_serving_file('served.json') %}
    {#- PostgreSQL served without such a file before version 0.1.0. -#}
    {% if not found and (target.type == 'snowflake' or kindred.setting('serving', 'store') == 'postgres') %}
        {% set found = kindred.newest_release() %}
    {% endif %}
    {% if not found %}{{ return(none) }}{% endif %}
    {% set measures = found.get('measures') or [] %}
    {{ return({
        'release_id': found.release_id,
        'run_id': found.run_id,
        'generated_at': found.get('generated_at'),
        'measures': fromjson(measures) if measures is string else measures,
    }) }}
{% endmacro %}

{#- What a rollback left, none where there was none: serves, from, by, at, reason and is_held (rollback.json; on
    Snowflake the column `hold` of releases). -#}
{% macro read_rollback() %}
    {% if execute and target.type == 'snowflake' %}
        {% set newest = kindred.newest_release() %}
        {{ return(fromjson(newest.hold) if newest and newest.hold else none) }}
    {% endif %}
    {{ return(kindred.read_serving_file('rollback.json')) }}
{% endmacro %}

{#- The row of `releases` that names what a warehouse or PostgreSQL serves. -#}
{% macro newest_release() %}
    {% set releases = kindred.previous('releases') %}
    {% if not releases %}{{ return(none) }}{% endif %}
    {{ return(kindred.fetch_rows(
        "select * from " ~ releases ~ ("" if target.type == 'snowflake' else " where store = 'postgres'")
        ~ " order by published_at desc, release_id desc limit 1"
    ) | first) }}
{% endmacro %}

{#- A JSON file of the serving folder, none where there is none. -#}
{% macro read_serving_file(name) %}
    {% set folder = kindred.serving_folder() %}
    {% if execute and folder and target.type == 'duckdb' and kindred.setting('serving', 'store') != 'none' %}
        {% set file = kindred.text_literal(folder ~ '/' ~ name) %}
        {% if run_query("select file from glob(" ~ file ~ ")").rows %}
            {{ return(fromjson(run_query("select content from read_text(" ~ file ~ ")").rows[0][0])) }}
        {% endif %}
    {% endif %}
    {{ return(none) }}
{% endmacro %}

{#- The folder of the releases, '' where there is none; publication and the service have the same rule. -#}
{% macro serving_folder() %}
    {% set given, path = env_var('KINDRED_SERVING_PATH', '') or kindred.setting('serving', 'path'), target.path or '' %}
    {% if given %}{{ return(given) }}{% endif %}
    {% if path in ['', ':memory:'] or path.startswith('md:') %}{{ return('') }}{% endif %}
    {{ return(modules.re.sub('(?<=[^/])[.][^./]*$', '', path) ~ '_serving') }}
{% endmacro %}
