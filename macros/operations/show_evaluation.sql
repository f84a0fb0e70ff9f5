{#- Prints the quality of the blend, its best generator and the popular baseline on the fold backtest; all=true: of
    every generator, for every group of people. dbt run-operation show_evaluation --args '{all: true}' -#}
{% macro show_evaluation(all=false) %}
    {% set metrics = ['recall', 'ndcg', 'hit_rate', 'coverage', 'novelty', 'diversity'] %}
    {% set rows = kindred.fetch_rows(
        "select generator, user_group, metric, value, standard_error, n_users from " ~ ref('evaluation_metrics')
        ~ " where fold = 'backtest' and k = 10 and metric in ('" ~ metrics | join("', '") ~ "')"
        ~ ("" if all else " and user_group = 'all'") ~ " order by generator, user_group"
    ) %}
    {% set cells, ndcgs = {}, [] %}
    {% for row in rows %}
        {% set text = "%.3f" % row.value %}
        {% if row.standard_error is not none %}{% set text = text ~ " ±%.3f" % row.standard_error %}{% endif %}
        {% do cells.update({(row.user_group, row.generator, row.metric): text}) %}
        {#- Diversity leaves lists of one item out: recall has the number of people. -#}
        {% if row.metric == 'recall' %}
            {% do cells.update({(row.user_group, 'n_users'): row.n_users | int}) %}
        {% endif %}
        {% if row.metric == 'ndcg' and row.user_group == 'all' %}
            {% do ndcgs.append((row.value, row.generator)) %}
        {% endif %}
    {% endfor %}
    {% set best = ndcgs | sort(reverse=true) | map('last') | reject('in', ['blend', 'popular']) | first %}
    {% set names = rows | map(attribute='generator') | unique | list if all else ['blend', best, 'popular'] %}
    {% set lines = ["", "evaluation on the fold backtest, first 10 items, mean over people ± standard error"] %}
    {% for user_group in ['all', 'cold', 'warm', 'hot', 'new_items', 'discoveries']
        if (user_group, 'n_users') in cells %}
        {% set header = kindred.pad(user_group ~ " (" ~ cells[(user_group, 'n_users')] ~ " people)", 26) %}
        {% set columns = [] %}
        {% for metric in metrics %}{% do columns.append(kindred.pad(metric, 14)) %}{% endfor %}
        {% do lines.append(header ~ columns | join('')) %}
        {% for name in names if name %}
            {% set values = [] %}
            {% for metric in metrics %}
                {% do values.append(kindred.pad(cells.get((user_group, name, metric), '-'), 14)) %}
            {% endfor %}
            {% do lines.append("  " ~ kindred.pad(name, 24) ~ values | join('')) %}
        {% endfor %}
    {% endfor %}
    {% if not all %}
        {% do lines.append("every generator and group: dbt run-operation show_evaluation --args '{all: true}'") %}
    {% endif %}
    {% for line in lines %}{% do print(line) %}{% endfor %}
{% endmacro %}
