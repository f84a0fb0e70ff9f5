{#- Variables that kindred doesn't have, wherever dbt lets them be seen: on the command line, and in the dbt_project.yml
    that is built, under `vars: kindred:` and beside it. A misspelt one would change nothing, in silence. -#}
{% macro variable_problems() %}
    {% set problems, given = [], [] %}
    {% for name in invocation_args_dict.get('vars', {}) if name.startswith('kindred__') %}
        {% do given.append(name) %}
    {% endfor %}
    {% set project = adapter.config.vars.vars if adapter.config.vars is defined else none %}
    {% for name, value in (project.items() if project is mapping else []) %}
        {% if name == 'kindred' and value is mapping %}
            {% do given.extend(value) %}
        {% elif name.startswith('kindred__') %}
            {% do given.append(name) %}
        {% endif %}
    {% endfor %}
    {% set known = kindred.setting_names() %}
    {% set renamed = kindred.default_settings().renamed | list | map('replace', '', 'kindred__', 1) | list %}
    {% for name in given | unique if name not in known and name not in renamed %}
        {% do problems.append(name ~ " is no variable of kindred: did you mean " ~ kindred.nearest_name(name, known)
            ~ "? docs/settings.md lists them all") %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}

{#- Of the names the one that shares most pairs of letters with a name. -#}
{% macro nearest_name(name, names) %}
    {% set best = namespace(name='', share=-1) %}
    {% for other in names %}
        {% set shared = namespace(n=0) %}
        {% for place in range(name | length - 1) if name[place:place + 2] in other %}
            {% set shared.n = shared.n + 1 %}
        {% endfor %}
        {% set share = shared.n / (name | length + other | length) %}
        {% if share > best.share %}
            {% set best.name, best.share = other, share %}
        {% endif %}
    {% endfor %}
    {{ return(best.name) }}
{% endmacro %}
