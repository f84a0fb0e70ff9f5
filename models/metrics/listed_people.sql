-- one row per (experiment_id, metric, user_id): what of a person's purchases counts for lists; experiment_id '' = all
-- Of a running holdout the people who get lists, and the window after their first exposure that the metric looks at.
{{ config(materialized='view') }}
{% set has_experiments = kindred.has_experiments() %}
{% set amounts = {'value': 'revenue', 'people': 'is_buyer', 'events': 'n_purchases'} %}

with outcomes as (

    select
        user_id,
        cast(n_purchases as double) as n_purchases,
        case when n_purchases > 0 then 1.0e0 else 0.0e0 end as is_buyer,
        revenue,
        bought_at
    from {{ ref('list_outcomes') }}

),

{% if has_experiments -%}
holdouts as (

    select
        results.experiment_id,
        results.arm,
        metrics.metric,
        metrics.numerator,
        metrics.window_days,
        experiments.ends_at
    from {{ ref('experiment_results') }} as results
    inner join {{ ref('checked_experiments') }} as experiments
        on results.experiment_id = experiments.experiment_id
            and experiments.kind = 'holdout'
    inner join {{ ref('checked_metrics') }} as metrics
        on results.metric = metrics.metric
            and metrics.statistic = 'mean'
            and metrics.event_type = 'purchase'
            and metrics.numerator in ('{{ amounts | join("', '") }}')
    where results.is_newest
        and results.segment_by = ''

),

served as (

    select
        holdouts.*,
        exposures.user_id,
        exposures.first_exposed_at,
        case
            when holdouts.window_days = 0 then coalesce(least(holdouts.ends_at, moment.as_of), moment.as_of)
            else {{ dbt.dateadd('day', 'holdouts.window_days', 'exposures.first_exposed_at') }}
        end as counts_until
    from holdouts
    inner join {{ ref('exposures') }} as exposures
        on holdouts.experiment_id = exposures.experiment_id
            and holdouts.arm = exposures.arm
    cross join (select max(as_of) as as_of from {{ ref('folds') }}) as moment
    where {{ dbt.dateadd('day', 'holdouts.window_days', 'exposures.first_exposed_at') }} <= moment.as_of

),

{% endif -%}
found as (

    {% for numerator, metric in {'value': 'revenue', 'people': 'conversion', 'events': 'purchases'}.items() %}
    select
        '' as experiment_id,
        '{{ metric }}' as metric,
        '{{ numerator }}' as numerator,
        user_id,
        {{ amounts[numerator] }} as amount
    from outcomes
    {{ "union all" if not loop.last or has_experiments }}
    {% endfor %}
    {% if has_experiments -%}
    select
        served.experiment_id,
        served.metric,
        served.numerator,
        served.user_id,
        case served.numerator
            {% for numerator, amount in amounts.items() -%}
            when '{{ numerator }}' then outcomes.{{ amount }}
            {% endfor -%}
        end as amount
    from served
    left join outcomes
        on served.user_id = outcomes.user_id
            and outcomes.bought_at >= served.first_exposed_at
            and outcomes.bought_at < served.counts_until
    {%- endif %}

),

final as (

    select
        experiment_id,
        metric,
        user_id,
        case
            when max(numerator) = 'people' then coalesce(max(amount), 0.0e0)
            else coalesce({{ kindred.exact_sum('amount') }}, 0.0e0)
        end as attributed
    from found
    group by
        experiment_id,
        metric,
        user_id

)

select * from final
