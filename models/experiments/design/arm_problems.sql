-- one row per experiment whose arms can't be used: the first reason why
{{ config(enabled=kindred.has_experiments()) }}

with arms as (select * from {{ ref('typed_arms') }}),

experiments as (select * from {{ ref('typed_experiments') }} where n_rows_of_id = 1),

first_problems as (select * from {{ ref('arm_row_problems') }}),

-- Sums of whole 1e-12, which no order of the rows can change.
counts as (

    select
        experiment_id,
        count(*) as n_arms,
        sum(case when is_control then 1 else 0 end) as n_controls,
        sum(cast(round(share * 1e12) as bigint)) as total
    from arms
    where experiment_id <> ''
    group by experiment_id

),

totals as (

    select
        counts.*,
        experiments.kind,
        experiments.allocation,
        experiments.experiment_id is not null as is_declared
    from counts
    left join experiments
        on counts.experiment_id = experiments.experiment_id

),

final as (

    select
        totals.experiment_id,
        case
            when first_problems.problem is not null then first_problems.problem
            when totals.n_arms < 2 then 'it has one arm: add the arm that it is compared with'
            when totals.kind = 'interleaving' and totals.n_arms <> 2
                then 'interleaving mixes the lists of two policies: give it exactly two arms'
            when totals.n_controls = 0 then 'no arm is the control: write true in is_control of exactly one arm'
            when totals.n_controls > 1
                then concat(
                        cast(totals.n_controls as varchar),
                        ' arms are the control: write true in is_control of exactly one arm'
                    )
            when abs(totals.total - 1000000000000) > 1000
                then concat(
                        'the shares of its arms add up to ',
                        rtrim(rtrim(cast(cast(totals.total / 1e12 as decimal(18, 9)) as varchar), '0'), '.'),
                        ': make them add up to 1'
                    )
            when totals.allocation <> 'fixed' and totals.n_arms * {{ kindred.smallest_share() }} >= 1
                then concat(
                        'its shares follow the results, and each arm has ',
                        'at least {{ kindred.smallest_share() | float }}: give it fewer arms'
                    )
        end as problem
    from totals
    left join first_problems
        on totals.experiment_id = first_problems.experiment_id

)

select * from final where problem is not null
