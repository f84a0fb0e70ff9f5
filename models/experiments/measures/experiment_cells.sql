-- one row per (experiment_id, metric, exposed_on, arm, segment, activity): sums over the subjects of a cell
-- Subjects without events have no values, and are in the sums by their number alone. In whole numbers of millionths,
-- and products in millionths of millionths.
{{ config(enabled=kindred.has_experiments()) }}

{% set sums = kindred.moment_sums() %}

with metrics as (select * from {{ ref('checked_metrics') }} where problem is null and statistic <> 'quantile'),

subject_values as (select * from {{ ref('subject_values') }}),

people as (

    select
        experiment_id,
        window_days,
        exposed_on,
        arm,
        segment,
        activity,
        count(*) as n,
        sum(n_units) as n_units,
        sum(n_units * n_units) as n_units2
    from {{ ref('exposed_people') }}
    group by
        experiment_id,
        window_days,
        exposed_on,
        arm,
        segment,
        activity

),

added_up as (

    select
        experiment_id,
        metric,
        exposed_on,
        arm,
        segment,
        activity,
        {% for column, factors in sums.items() -%}
        {{ 'sum(' ~ factors ~ ')' if factors | length == 1 else kindred.exact_products(factors[0], factors[1]) }}
            as {{ column }},
        {% endfor -%}
        sum(case when is_winsorized then 1 else 0 end) as n_winsorized,
        sum(case when y > 0 then 1 else 0 end) as n_positive
    from subject_values
    group by
        experiment_id,
        metric,
        exposed_on,
        arm,
        segment,
        activity

),

final as (

    select
        people.experiment_id,
        metrics.metric,
        people.exposed_on,
        people.arm,
        people.segment,
        people.activity,
        {% for column, factors in sums.items() -%}
        {%- set own = "coalesce(added_up." ~ column ~ ", 0)" -%}
        {%- if factors in ['d', 'e'] -%}
        case when metrics.statistic = 'mean' then people.n_units * 1000000 else {{ own }} end
        {%- elif factors in ['dd', 'ee', 'de'] -%}
        case when metrics.statistic = 'mean' then people.n_units2 * 1000000000000 else {{ own }} end
        {%- else -%}
        {{ own }}
        {%- endif %} as {{ column }},
        {% endfor -%}
        people.n,
        coalesce(added_up.n_winsorized, 0) as n_winsorized,
        coalesce(added_up.n_positive, 0) as n_positive
    from people
    inner join metrics
        on people.window_days = metrics.window_days
    left join added_up
        on people.experiment_id = added_up.experiment_id
            and metrics.metric = added_up.metric
            and people.exposed_on = added_up.exposed_on
            and people.arm = added_up.arm
            and people.segment = added_up.segment
            and people.activity = added_up.activity

)

select * from final
