{#- What is wrong with a setting that is a mapping of bounds: known = their names, called = what they are called. -#}
{% macro bound_problems(name, known, called, example) %}
    {% set problems = [] %}
    {% set given = var(name) %}
    {% if given is not mapping %}
        {% do problems.append(name ~ " is '" ~ given ~ "': give a mapping such as {" ~ example ~ "}") %}
    {% else %}
        {% for key, bound in given.items() %}
            {% if key not in known %}
                {% do problems.append(name ~ " has '" ~ key ~ "': " ~ called ~ " are " ~ known | join(', ')) %}
            {#- YAML reads a bare off as false. -#}
            {% elif bound is not sameas false and bound != 'off' and (
                bound is not number or bound is boolean or bound < 0
            ) %}
                {% do problems.append(name ~ " has " ~ key ~ " '" ~ bound ~ "': give a number of at least 0, or off") %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}
