{#- How many experiments assign, and which are set aside, each with how to mend it. -#}
{% macro experiment_lines(built) %}
    {% set lines, problems = [], [] %}
    {% if 'checked_experiments' in built and 'current_arms' in built %}
        {% for row in kindred.fetch_rows(
            "select experiment_id, problem from " ~ built.checked_experiments
            ~ " where problem is not null order by experiment_id"
        ) %}
            {% do problems.append("  " ~ (row.experiment_id or "an experiment without a name") ~ ": " ~ row.problem) %}
        {% endfor %}
        {% for row in kindred.fetch_rows(
            "select count(distinct experiment_id) as n, count(distinct case when is_running then experiment_id end)"
            ~ " as n_running from " ~ built.current_arms ~ " having count(*) > 0"
        ) %}
            {% do lines.append("experiments: " ~ "{:,}".format(row.n_running | int) ~ " run"
                ~ (", " ~ "{:,}".format((row.n - row.n_running) | int) ~ " start before the release expires"
                if row.n > row.n_running else "") ~ ", see " ~ built.get('assignments', 'assignments')) %}
        {% endfor %}
        {% if problems %}
            {% do lines.append("experiments that can't be used, nobody is assigned by them (see "
                ~ built.checked_experiments ~ "):\n" ~ problems[:8] | join('\n')
                ~ ("\n  and " ~ (problems | length - 8) ~ " more" if problems | length > 8 else "")) %}
        {% endif %}
    {% endif %}
    {{ return(lines) }}
{% endmacro %}

{#- What experiments tell: checks that fail, metrics that can't be used, exposures that count for nothing. -#}
{% macro result_lines(built) %}
    {% set lines = [] %}
    {% if 'experiment_checks' in built %}
        {% for row in kindred.fetch_rows(
            "select experiment_id, check_name, explanation from " ~ built.experiment_checks
            ~ " where not is_passed and check_name not in ('too_few', 'peeking') order by experiment_id, check_name"
        ) %}
            {% do lines.append(
                "experiment " ~ row.experiment_id ~ ", check " ~ row.check_name ~ ": " ~ row.explanation
            ) %}
        {% endfor %}
    {% endif %}
    {% if 'exposure_problems' in built %}
        {% for row in kindred.fetch_rows(
            "select sum(n_exposures) as n, min(experiment_id) as experiment_id from " ~ built.exposure_problems
            ~ " having count(*) > 0"
        ) %}
            {% do lines.append("{:,}".format(row.n | int) ~ " exposures to experiments count for nothing, see "
                ~ built.exposure_problems) %}
        {% endfor %}
    {% endif %}
    {% if 'checked_metrics' in built %}
        {% for row in kindred.fetch_rows(
            "select metric, problem from " ~ built.checked_metrics ~ " where problem is not null order by metric"
        ) %}
            {% do lines.append("metric " ~ (row.metric or "without a name") ~ " can't be used: " ~ row.problem) %}
        {% endfor %}
    {% endif %}
    {{ return(lines[:12]) }}
{% endmacro %}
