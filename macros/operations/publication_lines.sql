{#- What apps read after this run, and why. -#}
{% macro publication_lines(built) %}
    {% set lines, gates = [], [] %}
    {% for row in kindred.stopping_gates(built.publish_gates) %}
        {% do gates.append(row.gate) %}
        {% do lines.append("kindred: gate " ~ row.gate ~ " stopped publication: " ~ row.explanation) %}
    {% endfor %}
    {% if gates %}
        {% do lines.append("apps go on reading what they read before") %}
        {% if gates | reject('in', kindred.gate_names('is_overridable')) | list == [] %}
            {% do lines.append("to publish these lists all the same, with your other settings:"
                ~ " dbt build --select publish_gates+ --vars '{kindred__override_gates: [" ~ gates | join(', ') ~ "]}'") %}
        {% endif %}
    {% elif 'releases' in built %}
        {% for row in kindred.fetch_rows(
            "select * from " ~ built.releases ~ " where published_at >= cast('" ~ kindred.run_clock()
            ~ "' as timestamp)"
        ) %}
            {% do lines.append("kindred: release " ~ row.release_id ~ " is published, " ~ "{:,}".format(row.n_lists | int)
                ~ " lists: " ~ row.location
                ~ (" (let through: " ~ row.overridden_gates ~ ")" if row.overridden_gates else "")) %}
        {% else %}
            {% do lines.append("kindred: nothing is published; the line `releases:` above says why") %}
        {% endfor %}
    {% else %}
        {% do lines.append("kindred: nothing is published: releases wasn't built or failed; apps go on reading what"
            ~ " they read before") %}
    {% endif %}
    {{ return(lines) }}
{% endmacro %}
