-- one row per (experiment_id, context): whose shares a usable experiment has
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with experiments as (select * from {{ ref('checked_experiments') }} where problem is null),

with_contexts as (

    select arms.experiment_id
    from {{ ref('checked_arms') }} as arms
    inner join experiments
        on arms.experiment_id = experiments.experiment_id
    where experiments.allocation = 'contextual'
        or arms.segment is not null
        or arms.activity is not null
    group by arms.experiment_id

),

people as (

    select
        segment,
        activity
    from {{ ref('user_features') }}
    where fold = 'live'
    group by
        segment,
        activity

),

final as (

    select
        experiment_id,
        '' as context,
        cast(null as varchar) as segment,
        cast(null as varchar) as activity
    from experiments

    union all

    select
        with_contexts.experiment_id,
        {{ kindred.context_text('people.segment', 'people.activity') }} as context,
        people.segment,
        people.activity
    from with_contexts
    cross join people

)

select * from final
