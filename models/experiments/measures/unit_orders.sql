-- one row per (experiment_id, unit_id, measure_id) with orders: how many a unit made after its exposure, and before
-- depends_on: {{ ref('person_events') }}
{{ config(enabled=kindred.has_experiments()) }}

{% set units = ['user', 'user_item', 'item'] %}

with measures as (select * from {{ ref('metric_measures') }}),

exposures as (select * from {{ ref('counted_exposures') }}),

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

final as (

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

)

select * from final
