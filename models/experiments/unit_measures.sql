-- one row per (experiment_id, unit_id, measure_id) with events: what exposed units did after their exposure, and before
-- `before_` = in covariate_days before the first exposure. Only units whose window is over.
-- depends_on: {{ ref('person_events') }}
-- depends_on: {{ ref('list_outcomes') }}
{{ config(enabled=kindred.has_experiments()) }}

{% set units = ['user', 'user_item', 'item'] %}

with measures as (select * from {{ ref('metric_measures') }}),

exposures as (

    select
        exposures.experiment_id,
        exposures.unit,
        exposures.unit_id,
        exposures.user_id,
        exposures.item_id,
        exposures.first_exposed_at,
        periods.as_of,
        coalesce(least(periods.ends_at, periods.as_of), periods.as_of) as ends_at
    from {{ ref('counted_exposures') }} as exposures
    inner join {{ ref('experiment_periods') }} as periods
        on exposures.experiment_id = periods.experiment_id

),

found as (

    {% for unit in units %}
    select
        exposures.experiment_id,
        exposures.unit_id,
        measures.measure_id,
        events.occurred_at < exposures.first_exposed_at as is_before,
        0 as n_clicks,
        events.value
    {{ kindred.exposed_events(unit) }}

    union all

    select
        exposures.experiment_id,
        exposures.unit_id,
        measures.measure_id,
        events.shown_at < exposures.first_exposed_at as is_before,
        case when events.n_clicks > 0 then 1 else 0 end as n_clicks,
        null as value
    {{ kindred.exposed_events(unit, is_list=true) }}
    {{ "union all" if not loop.last }}
    {% endfor %}

),

totals as (

    select
        experiment_id,
        unit_id,
        {% for beginning, condition in {'': 'not is_before', 'before_': 'is_before'}.items() %}
        count(case when {{ condition }} then 1 end) as {{ beginning }}n_events,
        sum(case when {{ condition }} then n_clicks else 0 end) as {{ beginning }}n_clicks,
        coalesce({{ kindred.exact_sum("case when " ~ condition ~ " then value end") }}, 0.0e0) as {{ beginning }}value,
        {% endfor -%}
        measure_id
    from found
    group by
        experiment_id,
        unit_id,
        measure_id

),

-- The lines of an order are one order. Only purchases have orders, and they are few.
order_lines as (

    {% for unit in units %}
    select
        exposures.experiment_id,
        exposures.unit_id,
        measures.measure_id,
        events.occurred_at < exposures.first_exposed_at as is_before,
        coalesce(events.order_id, events.session_id) as order_id
    {{ kindred.exposed_events(unit, condition="events.event_type = 'purchase' and measures.has_orders") }}
    {{ "union all" if not loop.last }}
    {% endfor %}

),

orders as (

    select
        experiment_id,
        unit_id,
        measure_id,
        is_before,
        order_id
    from order_lines
    group by
        experiment_id,
        unit_id,
        measure_id,
        is_before,
        order_id

),

order_counts as (

    select
        experiment_id,
        unit_id,
        measure_id,
        count(case when not is_before then 1 end) as n_orders,
        count(case when is_before then 1 end) as before_n_orders
    from orders
    group by
        experiment_id,
        unit_id,
        measure_id

),

final as (

    select
        totals.*,
        coalesce(order_counts.n_orders, 0) as n_orders,
        coalesce(order_counts.before_n_orders, 0) as before_n_orders
    from totals
    left join order_counts
        on totals.experiment_id = order_counts.experiment_id
            and totals.unit_id = order_counts.unit_id
            and totals.measure_id = order_counts.measure_id

)

select * from final
