{#- What is wrong with the settings of the generators. -#}
{% macro generator_problems() %}
    {% set problems = [] %}
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
    {{ return(problems) }}
{% endmacro %}
