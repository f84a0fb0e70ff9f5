{#- After a build that made recommendations: what was built, in figures, and where to look. -#}
{% macro log_build_summary(results) %}
    {#- No ref() in here: dbt wants to see those of a hook before there are results to look at. -#}
    {% set built = {} %}
    {% for result in results if result.node.package_name == 'kindred' and result.status | string == 'success' %}
        {% do built.update({result.node.name: result.node.relation_name}) %}
    {% endfor %}
    {% if 'model_runs' in built and 'recommendations' in built %}
        {% for run in kindred.fetch_rows(
            "select * from " ~ built.model_runs ~ " where run_id = '" ~ invocation_id ~ "'"
        ) %}
            {% set lines = [
                "",
                "kindred: " ~ "{:,}".format(run.n_people | int) ~ " people have a list, "
                ~ "{:,}".format(run.n_recommendations | int) ~ " recommendations of "
                ~ "{:,}".format(run.n_recommended_items | int) ~ " of " ~ "{:,}".format(run.n_items | int) ~ " items",
                "learned from " ~ "{:,}".format(run.n_events | int) ~ " events up to " ~ run.last_event_at
                ~ " (as of " ~ run.as_of ~ "), " ~ "{:,}".format(run.n_rejected_events | int)
                ~ " more set aside: see " ~ built.get('rejected_events', 'rejected_events'),
                "lists: select * from " ~ built.recommendations ~ " where user_id = '...' order by rank",
                "quality: select * from " ~ built.get('evaluation_metrics', 'evaluation_metrics'),
                "people and their lists, readable: dbt run-operation show_recommendations",
                "",
            ] %}
            {% for line in lines %}{% do print(line) %}{% endfor %}
        {% endfor %}
    {% endif %}
{% endmacro %}
