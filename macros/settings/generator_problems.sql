{#- What is wrong with the settings of the generators. -#}
{% macro generator_problems() %}
    {% set problems = [] %}
    {% set generators = kindred.default_settings().generators %}
    {% set all_given = var('kindred__generators') %}
    {% for name, given in (all_given.items() if all_given is mapping else [])
        if name not in kindred.default_settings().groups.generators %}
        {% if name not in generators %}
            {% do problems.append("kindred__generators has '" ~ name ~ "': its keys are "
                ~ (kindred.default_settings().groups.generators | list + generators | list) | join(', ')) %}
        {% elif given is not mapping %}
            {% do problems.append("kindred__generators has " ~ name ~ " '" ~ given ~ "': give a mapping such as {"
                ~ generators[name].settings[0] ~ ": auto}") %}
        {% else %}
            {% for key, value in given.items() %}
                {% set where = "kindred__generators, " ~ name ~ ": " %}
                {% if key not in generators[name].settings %}
                    {% do problems.append(where ~ "there is no '" ~ key ~ "': its settings are "
                        ~ generators[name].settings | join(', ')) %}
                {% elif value != 'auto' and (value is not number or value is boolean or value < 0) %}
                    {% do problems.append(where ~ key ~ " is '" ~ value ~ "': give a number of at least 0, or auto") %}
                {% elif value != 'auto' and value <= 0 and key in generators[name].above_zero %}
                    {% do problems.append(where ~ key ~ " is " ~ value ~ ": give a number above 0, or auto") %}
                {% endif %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {% set encoder = kindred.setting('generators', 'text_encoder') %}
    {% if encoder is not string %}
        {% do problems.append("kindred__generators, text_encoder is '" ~ encoder
            ~ "': give wordllama, a folder of weights, or '' for none") %}
    {% elif target.type == 'snowflake' and encoder not in ['', 'wordllama'] %}
        {% do problems.append("kindred__generators, text_encoder is '" ~ encoder
            ~ "': a procedure on Snowflake reads no folder, so give wordllama, or '' for none") %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}
