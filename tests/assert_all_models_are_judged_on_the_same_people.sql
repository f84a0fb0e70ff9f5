-- Fails for each figure that is missing, or that is a mean over other people than those who are judged: then a model
-- would look better or worse than its baselines only because it was asked about somebody else.
with evaluation_metrics as (select * from {{ ref('evaluation_metrics') }}),

judged as (

    select
        fold,
        segment,
        count(*) as n_people
    from {{ ref('evaluated_people') }}
    group by
        fold,
        segment

),

-- Everyone's popular list reaches every person, so these two can always be judged.
models as (

    {% for model in ['popular', 'recommendations'] %}
    select
        fold,
        '{{ model }}' as model
    from judged

    union

    {% endfor %}
    select
        fold,
        model
    from evaluation_metrics

),

expected as (

    select
        judged.fold,
        models.model,
        judged.segment,
        metrics.metric,
        cuts.k,
        judged.n_people
    from judged
    inner join models
        on judged.fold = models.fold
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
        and expected.model = evaluation_metrics.model
        and expected.segment = evaluation_metrics.segment
        and expected.metric = evaluation_metrics.metric
        and expected.k = evaluation_metrics.k
where evaluation_metrics.value is null
    or evaluation_metrics.n_users <> expected.n_people
