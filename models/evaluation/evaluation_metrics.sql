-- one row per (run_id, fold, generator, user_group, metric, k)
{#- MAP is the mean of the people's average precision. What doesn't depend on targets is of the group of all alone. -#}
{% set columns = {
    'user_metrics': {
        'precision': 'precision', 'recall': 'recall', 'hit_rate': 'hit_rate', 'ndcg': 'ndcg',
        'map': 'average_precision', 'mrr': 'mrr',
    },
    'list_metrics': {'novelty': 'novelty', 'diversity': 'diversity'},
} %}

with evaluated_people as (select * from {{ ref('evaluated_people') }}),

user_values as (

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

),

-- All models are judged on the same people, so a person's difference says more than that of two means: what is hard for
-- one generator is hard for all.
of_blend as (select * from user_values where generator = 'blend'),

sums as (

    select
        user_values.fold,
        user_values.policy,
        user_values.generator,
        evaluated_people.user_group,
        user_values.metric,
        user_values.k,
        count(*) as n_users,
        {{ kindred.exact_sum('user_values.value', scale=15) }} as total,
        {{ kindred.exact_sum('user_values.value * user_values.value', scale=14) }} as total_of_squares,
        count(of_blend.value) as n_compared,
        {{ kindred.exact_sum('of_blend.value - user_values.value', scale=15) }} as leads,
        {{ kindred.exact_sum(
            '(of_blend.value - user_values.value) * (of_blend.value - user_values.value)', scale=14
        ) }} as squared_leads
    from user_values
    inner join evaluated_people
        on user_values.fold = evaluated_people.fold
            and user_values.target_group = evaluated_people.target_group
            and user_values.user_id = evaluated_people.user_id
    left join of_blend
        on user_values.fold = of_blend.fold
            and user_values.policy = of_blend.policy
            and user_values.target_group = of_blend.target_group
            and user_values.k = of_blend.k
            and user_values.user_id = of_blend.user_id
            and user_values.metric = of_blend.metric
    group by
        user_values.fold,
        user_values.policy,
        user_values.generator,
        evaluated_people.user_group,
        user_values.metric,
        user_values.k

),

means as (

    select
        fold,
        policy,
        generator,
        user_group,
        metric,
        k,
        total / n_users as value,
        case
            when n_users > 1
                then sqrt(greatest(total_of_squares - total * total / n_users, 0) / (n_users - 1) / n_users)
        end as standard_error,
        n_users,
        leads / nullif(n_compared, 0) as lead_of_recommendations,
        case
            when n_compared > 1
                then sqrt(greatest(squared_leads - leads * leads / n_compared, 0) / (n_compared - 1) / n_compared)
        end as lead_standard_error
    from sums

),

exposures as (

    {% for metric in ['coverage', 'gini'] %}
    select
        fold,
        policy,
        generator,
        user_group,
        '{{ metric }}' as metric,
        k,
        {{ metric }} as value,
        cast(null as double) as standard_error,
        n_users,
        cast(null as double) as lead_of_recommendations,
        cast(null as double) as lead_standard_error
    from {{ ref('exposure_metrics') }}
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

all_metrics as (

    select * from means
    union all
    select * from exposures

),

final as (

    select
        '{{ invocation_id }}' as run_id,
        fold,
        policy,
        generator,
        user_group,
        metric,
        cast(k as bigint) as k,
        cast(value as double) as value,
        cast(standard_error as double) as standard_error,
        cast(n_users as bigint) as n_users,
        cast(lead_of_recommendations as double) as lead_of_recommendations,
        cast(lead_standard_error as double) as lead_standard_error
    from all_metrics

)

select * from final
