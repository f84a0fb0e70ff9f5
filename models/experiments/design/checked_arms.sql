-- one row per (experiment_id, arm) of an experiment that can be used
{{ config(enabled=kindred.has_experiments()) }}

with arms as (select * from {{ ref('typed_arms') }}),

experiments as (select * from {{ ref('checked_experiments') }} where problem is null),

final as (

    select
        arms.experiment_id,
        arms.arm,
        cast(arms.position as bigint) as position,
        cast(arms.share as double) as share,
        arms.is_control,
        arms.policy,
        arms.value,
        case when experiments.kind = 'price' then cast(arms.factor as double) end as factor,
        cast(arms.min_price as double) as min_price,
        cast(arms.max_price as double) as max_price,
        cast(case when experiments.kind = 'price' then coalesce(arms.price_step, 0.01e0) end as double) as price_step,
        arms.segment,
        arms.activity,
        arms.category,
        arms.brand
    from arms
    inner join experiments
        on arms.experiment_id = experiments.experiment_id

)

select * from final
