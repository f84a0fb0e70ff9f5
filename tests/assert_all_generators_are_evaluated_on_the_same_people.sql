-- Fails for each figure that is missing, or that is a mean over other people than those who are evaluated: a generator
-- would then look better or worse than its baselines only because it was evaluated on others.
{{ config(group="evaluation") }}
with evaluation_metrics as (select * from {{ ref('evaluation_metrics') }}),

evaluated as (

    select
        fold,
        user_group,
        count(*) as n_people
    from {{ ref('evaluated_people') }}
    group by
        fold,
        user_group

),

-- Everyone's popular list reaches every person, so these two can always be evaluated.
generators as (

    {% for generator in ['popular', 'blend'] %}
    select
        fold,
        '{{ generator }}' as generator
    from evaluated

    union

    {% endfor %}
    select
        fold,
        generator
    from evaluation_metrics

),

expected as (

    select
        evaluated.fold,
        generators.generator,
        evaluated.user_group,
        metrics.metric,
        cuts.k,
        evaluated.n_people
    from evaluated
    inner join generators
        on evaluated.fold = generators.fold
    cross join (
        {% for metric in ['precision', 'recall', 'hit_rate', 'ndcg', 'map', 'mrr'] %}
        select '{{ metric }}' as metric
        {{ "union all" if not loop.last }}
        {%- endfor %}
    ) as metrics
    cross join (
        {% for k in [5, 10, 20] %}
        select {{ k }} as k
        {{ "union all" if not loop.last }}
        {%- endfor %}
    ) as cuts

)

select
    expected.*,
    evaluation_metrics.value,
    evaluation_metrics.n_users
from expected
left join evaluation_metrics
    on expected.fold = evaluation_metrics.fold
        and expected.generator = evaluation_metrics.generator
        and expected.user_group = evaluation_metrics.user_group
        and expected.metric = evaluation_metrics.metric
        and expected.k = evaluation_metrics.k
where evaluation_metrics.value is null
    or evaluation_metrics.n_users <> expected.n_people
