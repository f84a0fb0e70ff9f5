-- one row per (user_id, rule_id): a pace that no hand has, of a person with many events
-- The lines of an order tell nothing of a pace: they are sent at once.
{% set min_events = kindred.setting('traffic', 'min_events') %}

with heavy_events as (select * from {{ ref('heavy_events') }}),

buyers as (

    select user_id
    from heavy_events
    where event_type = 'purchase'
    group by user_id

),

minutes as (

    select
        user_id,
        date_trunc('minute', occurred_at) as started_at,
        count(*) as n_events
    from heavy_events
    where event_type not in ('purchase', 'return')
    group by
        user_id,
        date_trunc('minute', occurred_at)

),

days as (

    select
        user_id,
        cast(occurred_at as date) as day,
        count(distinct item_id) as n_items,
        count(distinct date_trunc('hour', occurred_at)) as n_hours
    from heavy_events
    group by
        user_id,
        cast(occurred_at as date)

),

moments as (

    select
        user_id,
        occurred_at,
        lag(occurred_at) over (partition by user_id order by occurred_at) as earlier_at
    from heavy_events

),

pauses as (

    select
        user_id,
        86400 * {{ kindred.days_between('earlier_at', 'occurred_at') }} as seconds
    from moments
    where earlier_at < occurred_at

),

rates as (

    select
        user_id,
        'events_per_minute' as rule_id
    from minutes
    group by user_id
    having max(n_events) > {{ kindred.setting('traffic', 'max_events_per_minute') }}

    union all

    select
        user_id,
        'items_per_day' as rule_id
    from days
    group by user_id
    having max(n_items) > {{ kindred.setting('traffic', 'max_items_per_day') }}

    union all

    -- Nobody is awake for more than twenty hours of a day without a break.
    select
        user_id,
        'around_the_clock' as rule_id
    from days
    group by user_id
    having max(n_hours) > 20

    union all

    -- Half of the pauses as long as each other to a twentieth of a second: a clock, no hand.
    select
        user_id,
        'constant_pace' as rule_id
    from pauses
    group by user_id
    having count(*) >= {{ min_events - 1 }}
        and percentile_cont(0.75) within group (order by seconds)
        - percentile_cont(0.25) within group (order by seconds) < 0.05

),

final as (

    select
        rates.user_id,
        rates.rule_id,
        buyers.user_id is not null as has_bought
    from rates
    left join buyers
        on rates.user_id = buyers.user_id

)

select * from final
