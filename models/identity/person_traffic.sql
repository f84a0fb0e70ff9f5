-- one row per person whom a rule takes for a bot or a test, or whom somebody should look at
-- Of people with few events no pace can be told. An impression tells nothing of it: a list shows many at once; nor do
-- the lines of an order. A rule of rates alone never leaves out a person who has bought or who logs in.
{% set min_events = kindred.setting('traffic', 'min_events') %}

with as_of as (select max(as_of) as as_of from {{ ref('folds') }}),

rules as (select * from {{ ref('known_traffic_rules') }} where field = 'id' and problem is null),

person_ids as (select * from {{ ref('person_ids') }} where user_id is not null),

people as (

    select
        user_id,
        sum(n_events) as n_events,
        max(case when is_anonymous then 0 else 1 end) as has_logged_in
    from person_ids
    group by user_id

),

named as (

    select
        person_ids.user_id,
        rules.rule_id,
        rules.traffic,
        row_number() over (
            partition by person_ids.user_id
            order by case when rules.traffic = 'person' then 0 else 1 end, rules.rule_id
        ) as place
    from person_ids
    inner join rules
        on lower(person_ids.identity_id) like rules.pattern

),

heavy_ids as (

    select
        person_ids.identity_id,
        person_ids.user_id
    from person_ids
    inner join people
        on person_ids.user_id = people.user_id
    where people.n_events >= {{ min_events }}

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

    select distinct user_id
    from heavy_events
    where event_type = 'purchase'

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
    from (

        select
            user_id,
            occurred_at
        from heavy_events
        group by
            user_id,
            occurred_at

    ) as distinct_moments

),

pauses as (

    select
        user_id,
        86400 * {{ kindred.days_between('earlier_at', 'occurred_at') }} as seconds
    from moments
    where earlier_at is not null

),

-- Half of the pauses as long as each other to a twentieth of a second: a clock, no hand.
paces as (

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
    from paces

),

rated as (

    select
        user_id,
        min(rule_id) as rule_id,
        count(*) as n_rules
    from rates
    group by user_id

),

final as (

    select
        people.user_id,
        coalesce(named.rule_id, rated.rule_id) as rule_id,
        coalesce(named.traffic, 'bot') as traffic,
        named.user_id is not null
        or (buyers.user_id is null and (people.has_logged_in = 0 or rated.n_rules > 1)) as is_left_out,
        cast(people.n_events as bigint) as n_events
    from people
    left join named
        on people.user_id = named.user_id
            and named.place = 1
    left join rated
        on people.user_id = rated.user_id
    left join buyers
        on people.user_id = buyers.user_id
    where coalesce(named.traffic, 'bot') <> 'person'
        and (named.user_id is not null or rated.user_id is not null)

)

select * from final
