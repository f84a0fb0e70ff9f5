{#- What a rollback left (releases.py: rollback.json; roll_back.sql: hold), none where there was none. -#}
{% macro read_rollback() %}
    {% if target.type == 'snowflake' %}
        {% set served = kindred.served_release() %}
        {{ return(fromjson(served.hold) if served and served.hold else none) }}
    {% endif %}
    {{ return(kindred.read_serving_file('rollback.json')) }}
{% endmacro %}

{#- release_id and run_id of what apps read, none where only the rows of releases tell. -#}
{% macro served_release() %}
    {% set releases = kindred.built_relation('releases') if target.type == 'snowflake' %}
    {% if releases %}
        {{ return(kindred.fetch_rows(
            "select * from " ~ releases ~ " order by published_at desc, release_id desc limit 1"
        ) | first) }}
    {% endif %}
    {{ return(kindred.read_serving_file('served.json')) }}
{% endmacro %}

{% macro read_serving_file(name) %}
    {% set folder = kindred.serving_folder() %}
    {% if execute and folder and target.type == 'duckdb' and kindred.setting('serving', 'store') == 'sqlite' %}
        {% set file = kindred.text_literal(folder ~ '/' ~ name) %}
        {% if run_query("select file from glob(" ~ file ~ ")").rows %}
            {{ return(fromjson(run_query("select content from read_text(" ~ file ~ ")").rows[0][0])) }}
        {% endif %}
    {% endif %}
    {{ return(none) }}
{% endmacro %}

{#- The folder of the releases, '' where there is none; releases.py and serving/settings.py have the same rule. -#}
{% macro serving_folder() %}
    {% set given, path = env_var('KINDRED_SERVING_PATH', '') or kindred.setting('serving', 'path'), target.path or '' %}
    {% if given %}{{ return(given) }}{% endif %}
    {% if path in ['', ':memory:'] or path.startswith('md:') %}{{ return('') }}{% endif %}
    {{ return(modules.re.sub('(?<=[^/])[.][^./]*$', '', path) ~ '_serving') }}
{% endmacro %}
