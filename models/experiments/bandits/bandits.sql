-- one row per usable experiment whose shares follow its results
{{ config(enabled=kindred.has_experiments()) }}

with experiments as (select * from {{ ref('checked_experiments') }} where problem is null and allocation <> 'fixed'),

metrics as (select * from {{ ref('checked_metrics') }} where problem is null and statistic <> 'quantile'),

-- What makes numbers of an experiment worthless makes shares of them worthless too.
failed as (

    select
        experiment_id,
        min(check_name) as check_name
    from {{ ref('experiment_checks') }}
    where check_name in ('srm', 'crossed', 'wrong_arm')
        and not is_passed
    group by experiment_id

),

final as (

    select
        experiments.experiment_id,
        experiments.kind,
        experiments.unit,
        experiments.allocation,
        experiments.metric,
        experiments.forgetting,
        metrics.statistic,
        metrics.numerator,
        metrics.higher_is_better,
        failed.check_name as frozen_by
    from experiments
    inner join metrics
        on experiments.metric = metrics.metric
    left join failed
        on experiments.experiment_id = failed.experiment_id

)

select * from final
