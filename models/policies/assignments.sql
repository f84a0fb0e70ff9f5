-- one row per (experiment_id, user_id): the arm of each known person in the experiments that assign people
{{ config(enabled=kindred.has_experiments()) }}

with arms as (select * from {{ ref('current_arms') }} where is_running and unit = 'user'),

experiments as (

    select
        experiment_id,
        kind,
        layer,
        layer_from_key,
        layer_to_key,
        salt
    from arms
    group by
        experiment_id,
        kind,
        layer,
        layer_from_key,
        layer_to_key,
        salt

),

contexts as (

    select
        experiment_id,
        context
    from arms
    group by
        experiment_id,
        context

),

keys as (

    select
        people.user_id,
        experiments.experiment_id,
        experiments.kind,
        {{ kindred.context_text('people.segment', 'people.activity') }} as context,
        {{ kindred.arm_key('experiments', 'people.user_id') }} as key,
        {{ kindred.layer_key('experiments', 'people.user_id') }} as layer_key,
        experiments.layer_from_key,
        experiments.layer_to_key
    from {{ ref('user_features') }} as people
    cross join experiments
    where people.fold = 'live'

),

-- In a context that an experiment has no shares of, those for everybody count.
assigned as (

    select
        keys.user_id,
        keys.experiment_id,
        keys.kind,
        arms.arm,
        arms.is_control,
        arms.policy,
        arms.value,
        arms.context,
        keys.key,
        arms.share
    from keys
    left join contexts
        on keys.experiment_id = contexts.experiment_id
            and keys.context = contexts.context
    inner join arms
        on keys.experiment_id = arms.experiment_id
            and coalesce(contexts.context, '') = arms.context
            and keys.key >= arms.from_key
            and keys.key < arms.to_key
    where keys.layer_key >= keys.layer_from_key
        and keys.layer_key < keys.layer_to_key

),

-- Who is held out is in no experiment after that: holdouts come first, one after the other.
held_out as (

    select
        user_id,
        min(experiment_id) as experiment_id
    from assigned
    where kind = 'holdout'
        and is_control
    group by user_id

),

final as (

    select
        assigned.experiment_id,
        assigned.user_id,
        assigned.kind,
        assigned.arm,
        assigned.kind = 'holdout' and assigned.is_control as is_held_out,
        assigned.policy,
        assigned.value,
        assigned.context,
        assigned.key,
        cast(assigned.share as double) as propensity
    from assigned
    left join held_out
        on assigned.user_id = held_out.user_id
    where held_out.user_id is null
        or (assigned.kind = 'holdout' and assigned.experiment_id <= held_out.experiment_id)

)

select * from final
