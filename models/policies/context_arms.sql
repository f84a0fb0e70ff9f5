-- one row per (experiment_id, context, arm) of a usable experiment: the share that is declared, among those eligible
-- An arm with a segment or an activity is for such people alone. Where fewer than two arms are left there is nothing to
-- compare: all shares of that context are 0, and its people are in no arm.
{{ config(enabled=kindred.has_experiments()) }}

with contexts as (select * from {{ ref('experiment_contexts') }}),

arms as (select * from {{ ref('checked_arms') }}),

eligible as (

    select
        contexts.experiment_id,
        contexts.context,
        arms.arm,
        arms.position,
        arms.share as declared_share,
        case
            when (arms.segment is null or coalesce(arms.segment = contexts.segment, false))
                and (arms.activity is null or coalesce(arms.activity = contexts.activity, false))
                then arms.share
            else 0.0e0
        end as share
    from contexts
    inner join arms
        on contexts.experiment_id = arms.experiment_id

),

counted as (

    select
        *,
        sum(case when declared_share > 0 then 1 else 0 end) over (partition by experiment_id, context) as n_declared,
        sum(case when share > 0 then 1 else 0 end) over (partition by experiment_id, context) as n_eligible,
        -- In whole numbers, so that no order of the rows changes it.
        sum(cast(round(share * 1e12) as bigint)) over (partition by experiment_id, context) / 1e12 as total
    from eligible

),

-- The newest build that decided on an experiment says what was in force.
earlier as (

    select *
    from (
        {{ kindred.previous_rows('arm_shares', {
            'run_id': 'varchar', 'experiment_id': 'varchar', 'context': 'varchar', 'arm': 'varchar', 'share': 'double',
            'valid_from': 'timestamp',
        }) }}
    ) as logged
    where run_id <> '{{ invocation_id }}'

),

in_force as (

    select
        experiment_id,
        context,
        arm,
        share
    from (
        select
            *,
            dense_rank() over (partition by experiment_id order by valid_from desc, run_id desc) as age
        from earlier
    ) as numbered
    where age = 1

),

final as (

    select
        counted.experiment_id,
        counted.context,
        counted.arm,
        counted.position,
        cast(case
            -- Rounding would make other shares of those that the table declares.
            when counted.n_eligible = counted.n_declared then counted.share
            when counted.n_eligible < 2 then 0
            else counted.share / counted.total
        end as double) as share,
        in_force.share as previous_share
    from counted
    left join in_force
        on counted.experiment_id = in_force.experiment_id
            and counted.context = in_force.context
            and counted.arm = in_force.arm

)

select * from final
