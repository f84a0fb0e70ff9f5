{#- What is wrong with a variable that is a mapping of bounds by the names `known`. -#}
{% macro bound_problems(name, known) %}
    {% set problems = [] %}
    {% set given = var(name) %}
    {% for key, bound in (given.items() if given is mapping else []) %}
        {% if key not in known %}
            {% do problems.append(name ~ " has '" ~ key ~ "': its keys are " ~ known | join(', ')) %}
        {#- YAML reads a bare off as false. -#}
        {% elif bound is not sameas false and bound != 'off' and (bound is not number or bound is boolean or bound < 0) %}
            {% do problems.append(name ~ " has " ~ key ~ " '" ~ bound ~ "': give a number of at least 0, or off") %}
        {% endif %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}
