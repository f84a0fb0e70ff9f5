-- one row per (experiment_id, arm, subject_id, measure, window_days, covariate_days) with events: what metrics are made of
-- `before_` = in covariate_days before the first exposure. A subject without any event has no row.
{#- How an exposure finds its events, by the unit of its experiment. -#}
{% set units = {
    'user': 'events.user_id = exposures.user_id',
    'user_item': 'events.user_id = exposures.user_id and events.item_id = exposures.item_id',
    'item': 'events.item_id = exposures.item_id',
} %}

with measures as (select * from {{ ref('metric_measures') }}),

periods as (select * from {{ ref('experiment_periods') }}),

exposures as (

    select
        exposures.experiment_id,
        exposures.unit,
        exposures.unit_id,
        exposures.user_id,
        exposures.item_id,
        exposures.arm,
        exposures.first_exposed_at,
        periods.as_of,
        coalesce(least(periods.ends_at, periods.as_of), periods.as_of) as ends_at
    from {{ ref('counted_exposures') }} as exposures
    inner join periods
        on exposures.experiment_id = periods.experiment_id

),

-- The lines of an order are one order. Events are read by their refs: a shared CTE of all would be held in memory.
by_order as (

    {% for unit, condition in units.items() %}
    {% for is_list in [false, true] %}
    select
        exposures.experiment_id,
        exposures.arm,
        exposures.unit_id,
        coalesce(exposures.user_id, exposures.item_id) as subject_id,
        measures.measure,
        measures.window_days,
        measures.covariate_days,
        {% if is_list -%}
        events.shown_at < exposures.first_exposed_at as is_before,
        cast(null as varchar) as order_id,
        count(*) as n_events,
        count(case when events.n_clicks > 0 then 1 end) as n_clicks,
        0.0e0 as value
        {%- else -%}
        events.occurred_at < exposures.first_exposed_at as is_before,
        case
            when events.event_type = 'purchase' then coalesce(events.order_id, events.session_id)
        end as order_id,
        count(*) as n_events,
        0 as n_clicks,
        coalesce({{ kindred.exact_sum('events.value') }}, 0.0e0) as value
        {%- endif %}
    from {{ ref('list_outcomes' if is_list else 'person_events') }} as events
    inner join exposures
        on {{ condition }}
            and exposures.unit = '{{ unit }}'
    inner join measures
        on {{ "measures.measure = '#lists'" if is_list else "events.event_type = measures.event_type" }}
    {%- set moment = 'events.shown_at' if is_list else 'events.occurred_at' %}
    where {{ moment }} < case
        when measures.window_days = 0 then exposures.ends_at
        else {{ dbt.dateadd('day', 'measures.window_days', 'exposures.first_exposed_at') }}
    end
    and {{ moment }} >= {{ dbt.dateadd('day', '-measures.covariate_days', 'exposures.first_exposed_at') }}
    and {{ dbt.dateadd('day', 'measures.window_days', 'exposures.first_exposed_at') }} <= exposures.as_of
    group by
        exposures.experiment_id,
        exposures.arm,
        exposures.unit_id,
        coalesce(exposures.user_id, exposures.item_id),
        measures.measure,
        measures.window_days,
        measures.covariate_days,
        {% if is_list -%}
        events.shown_at < exposures.first_exposed_at
        {%- else -%}
        events.occurred_at < exposures.first_exposed_at,
        case
            when events.event_type = 'purchase' then coalesce(events.order_id, events.session_id)
        end
        {%- endif %}
    {{ "union all" if not (loop.last and unit == 'item') }}
    {% endfor %}
    {% endfor %}

),

final as (

    select
        experiment_id,
        arm,
        subject_id,
        measure,
        window_days,
        covariate_days,
        {% for beginning, condition in {'': 'not is_before', 'before_': 'is_before'}.items() %}
        coalesce(sum(case when {{ condition }} then n_events end), 0) as {{ beginning }}n_events,
        count(distinct case when {{ condition }} then unit_id end) as {{ beginning }}n_people,
        count(case when {{ condition }} then order_id end) as {{ beginning }}n_orders,
        coalesce(sum(case when {{ condition }} then n_clicks end), 0) as {{ beginning }}n_clicks,
        coalesce({{ kindred.exact_sum("case when " ~ condition ~ " then value end") }}, 0.0e0) as {{ beginning }}value
        {{- "," if not loop.last }}
        {% endfor %}
    from by_order
    group by
        experiment_id,
        arm,
        subject_id,
        measure,
        window_days,
        covariate_days

)

select * from final
