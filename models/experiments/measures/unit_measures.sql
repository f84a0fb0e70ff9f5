-- one row per (experiment_id, unit_id, measure_id) with events: what exposed units did after their exposure, and before
-- `before_` = in covariate_days before the first exposure. Only units whose window is over.
-- depends_on: {{ ref('person_events') }}
-- depends_on: {{ ref('list_outcomes') }}
{{ config(enabled=kindred.has_experiments()) }}

{% set units = ['user', 'user_item', 'item'] %}

with measures as (select * from {{ ref('metric_measures') }}),

exposures as (select * from {{ ref('counted_exposures') }}),

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

order_counts as (select * from {{ ref('unit_orders') }}),

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
