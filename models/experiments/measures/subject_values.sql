-- one row per (experiment_id, metric, arm, subject_id) with events: a subject's numerator, denominator and covariate
-- In millionths, as whole numbers: sums of their squares are then exact. y by d is the metric, x by e the same before
-- the first exposure. For a mean d and e are the subject's units.
{{ config(enabled=kindred.has_experiments()) }}

{% set kept = ['experiment_id', 'metric', 'arm', 'subject_id', 'exposed_on', 'segment', 'activity'] %}

with people as (select * from {{ ref('exposed_people') }}),

unit_values as (

    select
        {% for column in kept + ['unit', 'statistic', 'window_days'] -%}
        unit_values.{{ column }},
        {% endfor -%}
        cast(coalesce(least(unit_values.y, metric_caps.cap), unit_values.y) * 1e6 as bigint) as y,
        cast(unit_values.d * 1e6 as bigint) as d,
        cast(unit_values.x * 1e6 as bigint) as x,
        cast(unit_values.e * 1e6 as bigint) as e,
        coalesce(unit_values.y > metric_caps.cap, false) as is_winsorized
    from {{ ref('unit_values') }} as unit_values
    left join {{ ref('metric_caps') }} as metric_caps
        on unit_values.experiment_id = metric_caps.experiment_id
            and unit_values.metric = metric_caps.metric

),

final as (

    select
        {% for column in kept -%}
        {{ column }},
        {% endfor -%}
        y,
        d,
        x,
        e,
        is_winsorized
    from unit_values
    where unit <> 'user_item'

    union all

    -- Units without events are units of a mean, too.
    select
        {% for column in kept -%}
        unit_values.{{ column }},
        {% endfor -%}
        cast(sum(unit_values.y) as bigint) as y,
        cast(coalesce(
            max(case when unit_values.statistic <> 'ratio' then people.n_units * 1000000 end), sum(unit_values.d)
        ) as bigint) as d,
        cast(sum(unit_values.x) as bigint) as x,
        cast(coalesce(
            max(case when unit_values.statistic <> 'ratio' then people.n_units * 1000000 end), sum(unit_values.e)
        ) as bigint) as e,
        max(case when unit_values.is_winsorized then 1 else 0 end) = 1 as is_winsorized
    from unit_values
    inner join people
        on unit_values.experiment_id = people.experiment_id
            and unit_values.arm = people.arm
            and unit_values.subject_id = people.subject_id
            and unit_values.window_days = people.window_days
    where unit_values.unit = 'user_item'
    group by
        unit_values.experiment_id,
        unit_values.metric,
        unit_values.arm,
        unit_values.subject_id,
        unit_values.exposed_on,
        unit_values.segment,
        unit_values.activity

)

select * from final
