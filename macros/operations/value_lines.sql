{#- What the build's summary says of rows of foreign logs and of kindred's own that can't be used. -#}
{% macro value_lines(built) %}
    {% set lines = [] %}
    {% if 'log_problems' in built %}
        {% set rows = kindred.fetch_rows(
            "select source, problem, n_rows, example from " ~ built.log_problems ~ " order by n_rows desc, source, problem"
        ) %}
        {% if rows %}
            {% do lines.append("logs of lists have rows that can't be used, see " ~ built.log_problems ~ ":") %}
        {% endif %}
        {% for row in rows[:5] %}
            {% set place = {'own': 'recommendation_log', 'foreign': 'foreign_log'}.get(row.source, row.source) %}
            {% do lines.append("  " ~ place ~ ": " ~ row.problem ~ " (" ~ "{:,}".format(row.n_rows | int)
                ~ (", such as '" ~ kindred.shortened(row.example) ~ "'" if row.example else "") ~ ")") %}
        {% endfor %}
        {% if rows | length > 5 %}{% do lines.append("  and " ~ (rows | length - 5) ~ " problems more") %}{% endif %}
    {% endif %}
    {{ return(lines) }}
{% endmacro %}
