-- one row per experiment_id that the tables of experiments and arms name, with what is wrong with it
{{ config(enabled=kindred.has_experiments()) }}

with experiments as (select * from {{ ref('typed_experiments') }} where n_rows_of_id = 1),

problems as (select * from {{ ref('experiment_problems') }}),

final as (

    select
        coalesce(experiments.experiment_id, problems.experiment_id) as experiment_id,
        experiments.kind,
        experiments.layer,
        cast(experiments.layer_from as double) as layer_from,
        cast(experiments.layer_to as double) as layer_to,
        experiments.unit,
        experiments.salt,
        experiments.allocation,
        experiments.stopping,
        experiments.metric,
        cast(experiments.planned_people as double) as planned_people,
        cast(experiments.forgetting as double) as forgetting,
        problems.problem,
        experiments.starts_at,
        experiments.ends_at
    from experiments
    full outer join problems
        on experiments.experiment_id = problems.experiment_id

)

select * from final
