{#- What a rollback left in the serving folder (serving_releases.py: write_rollback), none where there was none. -#}
{% macro read_rollback() %}
    {% set folder = kindred.serving_folder() %}
    {% if execute and folder and target.type == 'duckdb' and var('kindred__serving_store') == 'sqlite' %}
        {% set file = kindred.text_literal(folder ~ '/rollback.json') %}
        {% if run_query("select file from glob(" ~ file ~ ")").rows %}
            {{ return(fromjson(run_query("select content from read_text(" ~ file ~ ")").rows[0][0])) }}
        {% endif %}
    {% endif %}
    {{ return(none) }}
{% endmacro %}

{#- The folder of the releases, '' where there is none; serving_releases.py has the same rule. -#}
{% macro serving_folder() %}
    {% set path = target.path or '' %}
    {% if var('kindred__serving_path') %}{{ return(var('kindred__serving_path')) }}{% endif %}
    {% if path in ['', ':memory:'] or path.startswith('md:') %}{{ return('') }}{% endif %}
    {{ return(modules.re.sub('(?<=[^/])[.][^./]*$', '', path) ~ '_serving') }}
{% endmacro %}
