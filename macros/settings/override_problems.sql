{#- What is wrong with the list of gates that are overridden. -#}
{% macro override_problems() %}
    {% set problems = [] %}
    {% set gates = kindred.gate_names('is_overridable') %}
    {% set overridden = var('kindred__override_gates') %}
    {% if overridden is string or overridden is not iterable %}
        {% do problems.append("kindred__override_gates is '" ~ overridden ~ "': give a list such as [changed_lists]") %}
    {% else %}
        {% for gate in overridden if gate not in gates %}
            {% do problems.append("kindred__override_gates has '" ~ gate
                ~ "': the gates that can be overridden are " ~ gates | join(', ')) %}
        {% endfor %}
        {#- In dbt_project.yml it would let everything through for ever. -#}
        {% if overridden and 'kindred__override_gates' not in invocation_args_dict.get('vars', {}) %}
            {% do problems.append(
                "kindred__override_gates is for one run: give it with --vars, not in dbt_project.yml"
            ) %}
        {% endif %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}
