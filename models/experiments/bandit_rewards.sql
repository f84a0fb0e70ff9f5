-- one row per (experiment_id, period, context, arm): what the matured people of a bandit did, by day of first exposure
{% set sums = {
    'reward': 'sum_y', 'reward_squared': 'sum_y2', 'denominator': 'sum_d', 'denominator_squared': 'sum_d2',
    'reward_denominator': 'sum_yd',
} %}

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
        cast({{ dbt.datediff('in_context.exposed_on', 'newest.period', 'day') }} as bigint) as age_days,
        cast(sum(in_context.n) as bigint) as n_people,
        {% for column, total in sums.items() -%}
        cast(sum(in_context.{{ total }}) as double) / {{ '1e12' if total[-1] in '2' or total == 'sum_yd' else '1e6' }} as {{ column }}
        {{- "," if not loop.last }}
        {% endfor %}
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
