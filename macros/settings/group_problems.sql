{#- Groups that are no mappings, keys that a group doesn't have, and variables by their names of before 0.1.0. -#}
{% macro group_problems() %}
    {% set problems = [] %}
    {% set settings = kindred.default_settings() %}
    {% for group, defaults in settings.groups.items() %}
        {% set given = var('kindred__' ~ group) %}
        {% if group == 'training' and given in ['always', 'when_due'] %}
            {#- It named the switch that is kindred__train now. -#}
            {% do problems.append("kindred__training: " ~ given ~ " is now kindred__train: " ~ given ~ " (docs/upgrading.md)") %}
        {% elif given is not mapping %}
            {% set key = (defaults | list + ['changed_lists']) | first %}
            {% do problems.append("kindred__" ~ group ~ " is '" ~ given ~ "': give a mapping such as {" ~ key ~ ": ...}") %}
        {% elif group not in ['generators', 'gates', 'training'] %}
            {% for key in given if key not in defaults %}
                {% set nearest = kindred.nearest_name(key, defaults | list) %}
                {% do problems.append("kindred__" ~ group ~ " has '" ~ key ~ "', did you mean " ~ nearest
                    ~ "? Its keys are " ~ defaults | join(', ')) %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {% for name, place in settings.renamed.items() if var('kindred__' ~ name, none) is not none %}
        {% do problems.append("kindred__" ~ name ~ " is now " ~ place ~ " (docs/upgrading.md)") %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}
