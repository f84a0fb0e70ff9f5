-- one row per (experiment_id, period, context, arm): what the matured people of a bandit did
{{ config(enabled=kindred.has_experiments()) }}

with bandits as (select * from {{ ref('bandits') }}),

cells as (select * from {{ ref('experiment_cells') }}),

in_context as (

    select
        cells.*,
        case
            when bandits.allocation = 'contextual'
                then {{ kindred.context_text("nullif(cells.segment, 'unknown')", 'cells.activity') }}
            else ''
        end as context
    from cells
    inner join bandits
        on cells.experiment_id = bandits.experiment_id
            and cells.metric = bandits.metric

),

newest as (

    select
        experiment_id,
        max(exposed_on) as period
    from in_context
    group by experiment_id

),

final as (

    select
        in_context.experiment_id,
        in_context.exposed_on as period,
        in_context.context,
        in_context.arm,
        cast({{ dbt.datediff('in_context.exposed_on', 'newest.period', 'day') }} as bigint) as age_days,  -- noqa: LT05
        cast(sum(in_context.n) as bigint) as n_people,
        -- Sums are in millionths, those of products in millionths of millionths.
        cast(sum(in_context.sum_y) as double) / 1e6 as reward,
        cast(sum(in_context.sum_y2) as double) / 1e12 as reward_squared,
        cast(sum(in_context.sum_d) as double) / 1e6 as denominator,
        cast(sum(in_context.sum_d2) as double) / 1e12 as denominator_squared,
        cast(sum(in_context.sum_yd) as double) / 1e12 as reward_denominator
    from in_context
    inner join newest
        on in_context.experiment_id = newest.experiment_id
    group by
        in_context.experiment_id,
        in_context.exposed_on,
        newest.period,
        in_context.context,
        in_context.arm

)

select * from final
