-- one row per (fold, policy, generator, target_group, k, user_id, metric): user_metrics and list_metrics in one column
{{ config(materialized='view') }}
{#- MAP is the mean of the people's average precision. Metrics that don't depend on targets are of the group `all`. -#}
{% set columns = {
    'user_metrics': {
        'precision': 'precision', 'recall': 'recall', 'hit_rate': 'hit_rate', 'ndcg': 'ndcg',
        'map': 'average_precision', 'mrr': 'mrr',
    },
    'list_metrics': {'novelty': 'novelty', 'diversity': 'diversity'},
} %}

{% for table, columns_of_table in columns.items() %}
{% set outer_loop = loop %}
{% for metric, column in columns_of_table.items() %}
select
    fold,
    policy,
    generator,
    {{ "target_group" if table == 'user_metrics' else "'all' as target_group" }},
    k,
    user_id,
    '{{ metric }}' as metric,
    {{ column }} as value
from {{ ref(table) }}
where {{ column }} is not null
{{ "union all" if not (loop.last and outer_loop.last) }}
{%- endfor %}
{%- endfor %}
