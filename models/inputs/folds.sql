-- one row per fold: a moment of training and the days it is evaluated on
{% set moments = {'live': 0, 'backtest': 1, 'tuning': 2} %}
{% set horizon_days = var('kindred__horizon_days') | int %}
{% set given = "'" ~ var('kindred__as_of') ~ "'" if var('kindred__as_of') else 'null' %}

with events as (select * from {{ ref('kindred', 'events') }}),

-- Whole days, so that a build in the morning and one at noon learn from the same events.
moment as (

    select
        coalesce(
            cast({{ given }} as timestamp),
            {{ dbt.dateadd('day', 1, "date_trunc('day', max(occurred_at))") }},
            cast('{{ kindred.run_clock() }}' as timestamp)
        ) as as_of
    from events

),

final as (

    {% for fold in kindred.fold_names() %}
    select
        '{{ fold }}' as fold,
        cast({{ dbt.dateadd('day', -horizon_days * moments[fold], 'as_of') }} as timestamp)
            as learns_until,
        cast({{ dbt.dateadd('day', horizon_days * (1 - moments[fold]), 'as_of') }} as timestamp)
            as evaluated_until,
        cast(as_of as timestamp) as as_of
    from moment
    {{ "union all" if not loop.last }}
    {% endfor %}

)

select * from final
