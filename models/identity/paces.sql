-- one row per (user_id, rule_id): a pace that no hand has, of a person with many events
-- Of people with few events no pace can be told. An impression tells nothing of it: a list shows many at once; nor do
-- the lines of an order.
{% set min_events = kindred.setting('traffic', 'min_events') %}

with as_of as (select max(as_of) as as_of from {{ ref('folds') }}),

heavy_ids as (

    select
        identity_id,
        user_id
    from {{ ref('person_ids') }}
    where user_id is not null
    qualify sum(n_events) over (partition by user_id) >= {{ min_events }}

),

heavy_events as (

    select
        heavy_ids.user_id,
        events.event_type,
        events.item_id,
        events.occurred_at
    from {{ ref('kindred', 'events') }} as events
    inner join as_of
        on events.occurred_at < as_of.as_of
    left join {{ ref('claimed_events') }} as claimed_events
        on events.event_id = claimed_events.event_id
    inner join heavy_ids
        on coalesce(events.user_id, claimed_events.user_id, events.anonymous_id) = heavy_ids.identity_id
    where events.traffic is null
        and events.event_type <> 'impression'

),

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

-- Half of the pauses as long as each other to a twentieth of a second: a clock, no hand.
steady as (

    select user_id
    from pauses
    group by user_id
    having count(*) >= {{ min_events - 1 }}
        and percentile_cont(0.75) within group (order by seconds)
        - percentile_cont(0.25) within group (order by seconds) < 0.05

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

    select
        user_id,
        'constant_pace' as rule_id
    from steady

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
