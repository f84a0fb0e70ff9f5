{#- Models of the user's project that bear the name of one of ours: all our models and tests would read them in its
    place. -#}
{% macro hidden_model_problems() %}
    {% set problems = [] %}
    {% if execute %}
        {% set own_names, hidden = [], [] %}
        {% for node in graph.nodes.values() if node.package_name == 'kindred' %}
            {% do own_names.append(node.name) %}
        {% endfor %}
        {% for node in graph.nodes.values()
            if node.package_name == 'kindred' and node.resource_type in ['model', 'test'] %}
            {% for parent in node.depends_on.nodes if parent.split('.')[1] != 'kindred' %}
                {% if parent.split('.')[2] in own_names %}{% do hidden.append(parent.split('.')[2]) %}{% endif %}
            {% endfor %}
        {% endfor %}
        {% for name in hidden | unique %}
            {% do problems.append("your project has '" ~ name ~ "' as kindred has, and kindred's models would "
                ~ "read yours. Set `require_ref_searches_node_package_before_root: true` under `flags:` in your dbt_project.yml; "
                ~ "or, if yours is to replace kindred's, disable kindred's") %}
        {% endfor %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}
