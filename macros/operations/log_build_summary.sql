{#- After a build that made recommendations: what was built, in figures, and where to look. -#}
{% macro log_build_summary(results) %}
    {#- No ref() in here: dbt wants to see those of a hook before there are results to look at. -#}
    {% set built = {} %}
    {% for result in results if result.node.package_name == 'kindred' and result.status | string == 'success' %}
        {% do built.update({result.node.name: result.node.relation_name}) %}
    {% endfor %}
    {% if 'builds' in built and 'recommendations' in built %}
        {% for run in kindred.fetch_rows(
            "select * from " ~ built.builds ~ " where run_id = '" ~ invocation_id ~ "'"
        ) %}
            {% set reasons, problems = kindred.input_problem_lines(built) %}
            {% set listed = "{:,}".format(run.n_people | int) ~ " people have a list, "
                ~ "{:,}".format(run.n_recommendations | int) ~ " recommendations of "
                ~ "{:,}".format(run.n_recommended_items | int) ~ " of " ~ "{:,}".format(run.n_items | int) ~ " items" %}
            {% set own = kindred.lists_for_people() == 'true' %}
            {% set table = 'recommendations' if own else 'fallback_recommendations' %}
            {% set lists = built.get(table, table) %}
            {% set lines = [
                "",
                "kindred: " ~ (listed if own else "lists are those of segments (lists_for: segments)"),
                "read " ~ "{:,}".format(run.n_events | int) ~ " events up to " ~ run.last_event_at
                ~ " (lists as of " ~ run.as_of ~ "), " ~ "{:,}".format(run.n_rejected_events | int)
                ~ " more set aside" ~ (": " ~ reasons[:5] | join(', ') ~ (' and others' if reasons | length > 5 else '') if reasons else "")
                ~ ", see " ~ built.get('rejected_events', 'rejected_events'),
                "lists: select * from " ~ lists ~ " where " ~ ("user_id" if own else "segment") ~ " = '...' order by rank",
            ] + (["quality: select * from " ~ built.evaluation_metrics] if 'evaluation_metrics' in built else []) + [
                "people and their lists, readable: dbt run-operation show_recommendations",
            ] + kindred.discovery_lines(run) + kindred.traffic_lines(built) + kindred.experiment_lines(built)
                + kindred.result_lines(built) + kindred.value_lines(built) + kindred.erasure_lines(built) + [""] %}
            {% if problems %}
                {% set place = built.get('input_problems', 'input_problems') %}
                {% do lines.insert(3, "the inputs have problems, see " ~ place ~ ":\n" ~ problems[:8] | join('\n')
                    ~ ("\n  and " ~ (problems | length - 8) ~ " problems more" if problems | length > 8 else "")) %}
            {% endif %}
            {% for line in lines %}{% do print(line) %}{% endfor %}
        {% endfor %}
    {% endif %}
    {% if 'publish_gates' in built %}
        {% for line in kindred.publication_lines(built) %}{% do print(line) %}{% endfor %}
    {% endif %}
{% endmacro %}

{#- How many places are discoveries, and how many lists lack some, where lists are asked for a share. -#}
{% macro discovery_lines(run) %}
    {% if run.n_discoveries is none %}{{ return([]) }}{% endif %}
    {% set n_short = run.n_short_of_discoveries | int %}
    {% set said = "discoveries: " ~ "{:,}".format(run.n_discoveries | int) ~ " places hold items not bought before" %}
    {% set short = "; " ~ "{:,}".format(n_short) ~ " lists lack some that discovery_share asks for" %}
    {{ return([said ~ (short if n_short else "")]) }}
{% endmacro %}

{#- How much traffic is no customer's. -#}
{% macro traffic_lines(built) %}
    {% set lines = [] %}
    {% if 'traffic_report' in built %}
        {% for row in kindred.fetch_rows(
            "select sum(case when is_left_out then n_events else 0 end) as n_events, sum(case when is_left_out then share"
            ~ " else 0 end) as share, sum(case when is_left_out then 0 else n_people end) as n_people from "
            ~ built.traffic_report ~ " having count(*) > 0"
        ) %}
            {% do lines.append("traffic: " ~ "{:,}".format(row.n_events | int) ~ " events ("
                ~ "%.1f" | format(100 * (row.share or 0)) ~ " %) of bots, of the shop itself and of tests are left out"
                ~ (", " ~ "{:,}".format(row.n_people | int) ~ " people are worth a look" if row.n_people else "")
                ~ ", see " ~ built.traffic_report) %}
        {% endfor %}
    {% endif %}
    {{ return(lines) }}
{% endmacro %}

{#- Who waits to be erased, and what came again of forgotten people. -#}
{% macro erasure_lines(built) %}
    {% set lines = [] %}
    {% if 'forgotten_ids' in built %}
        {% for row in kindred.fetch_rows(
            "select count(*) as n_ids, min(requested_at) as first_at from " ~ built.forgotten_ids
            ~ " where is_named and erased_at is null having count(*) > 0"
        ) %}
            {% set age = (run_started_at.replace(tzinfo=none) - row.first_at).days %}
            {% do lines.append("{:,}".format(row.n_ids | int) ~ " requests to be forgotten are pending, the oldest for "
                ~ age ~ " days: they are out of this build and of every release; `kindred forget` erases the log and the"
                ~ " bytes") %}
        {% endfor %}
    {% endif %}
    {% if 'forgotten_arrivals' in built %}
        {% for row in kindred.fetch_rows(
            "select sum(n_rows) as n_rows from " ~ built.forgotten_arrivals ~ " having sum(n_rows) > 0"
        ) %}
            {% do lines.append("{:,}".format(row.n_rows | int) ~ " rows of forgotten people were left out, see "
                ~ built.forgotten_arrivals) %}
        {% endfor %}
    {% endif %}
    {{ return(lines) }}
{% endmacro %}
