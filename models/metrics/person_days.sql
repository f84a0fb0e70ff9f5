-- one row per (user_id, day): what a person did on a UTC day before as_of
-- person_events is named for each use: behind one shared CTE it would be held in memory as a whole.
{% set counts = ['n_sessions', 'n_orders', 'n_purchases', 'n_impressions', 'n_clicks'] %}
{% set sources = [
    (ref('person_events'), 'occurred_at', {
        'n_purchases': "case when event_type = 'purchase' then 1 else 0 end",
        'revenue': "case when event_type = 'purchase' then coalesce(value, 0.0e0) else 0.0e0 end",
        'watch_seconds': "case when event_type = 'watch' then coalesce(value, 0.0e0) else 0.0e0 end",
    }),
    (ref('sessions'), 'started_at', {'n_sessions': '1'}),
    ('orders', 'ordered_at', {'n_orders': '1'}),
    (ref('list_outcomes'), 'shown_at', {
        'n_impressions': '1', 'n_clicks': 'case when n_clicks > 0 then 1 else 0 end',
    }),
] %}

with moment as (select max(as_of) as as_of from {{ ref('folds') }}),

-- The lines of an order are one order; it counts on the day of the first.
orders as (

    select
        user_id,
        coalesce(order_id, session_id) as order_id,
        min(occurred_at) as ordered_at
    from {{ ref('person_events') }}
    where event_type = 'purchase'
    group by
        user_id,
        coalesce(order_id, session_id)

),

found as (

    {% for relation, moment, own in sources %}
    select
        user_id,
        {% for name in counts -%}
        {{ own.get(name, '0') }} as {{ name }},
        {% endfor -%}
        {{ own.get('revenue', '0.0e0') }} as revenue,
        {{ own.get('watch_seconds', '0.0e0') }} as watch_seconds,
        {{ moment }} as happened_at
    from {{ relation }}
    {{ "union all" if not loop.last }}
    {% endfor %}

),

final as (

    select
        found.user_id,
        cast(date_trunc('day', found.happened_at) as date) as day,
        {% for name in counts -%}
        cast(sum(found.{{ name }}) as bigint) as {{ name }},
        {% endfor -%}
        {{ kindred.exact_sum('found.revenue') }} as revenue,
        {{ kindred.exact_sum('found.watch_seconds') }} as watch_seconds
    from found
    inner join moment
        on found.happened_at < moment.as_of
    group by
        found.user_id,
        cast(date_trunc('day', found.happened_at) as date)

)

select * from final
