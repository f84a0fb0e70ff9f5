-- one row per (account_id, moment, signal): what was seen of an account in the period before the moment, and its class
-- Nothing from the moment on counts, so that a risk can be judged by what came later.
{% set signals = ['breadth', 'active_share', 'trend', 'days_silent', 'n_bad'] %}
{% set days = var('period_days') | int %}

with moments as (select * from {{ ref('account_moments') }}),

users as (select * from {{ ref('product_users') }}),

tickets as (select * from {{ source('raw', 'tickets') }}),

classes as (select * from {{ ref('health_signals') }}),

uses as (

    select
        users.account_id,
        events.user_id,
        events.item_id,
        events.occurred_at
    from {{ ref('kindred', 'person_events') }} as events
    inner join users
        on events.user_id = users.user_id
    where events.event_type in ('adopt', 'use')

),

use_counts as (

    select
        moments.account_id,
        moments.moment,
        count(distinct uses.item_id) as breadth,
        count(distinct uses.user_id) as n_active,
        count(uses.occurred_at) as n_uses,
        sum(
            case when uses.occurred_at >= moments.moment - interval '{{ 12 * days }} hours' then 1 else 0 end
        ) as n_late,
        max(uses.occurred_at) as last_used_at
    from moments
    left join uses
        on moments.account_id = uses.account_id
            and moments.seen_from <= uses.occurred_at
            and moments.moment > uses.occurred_at
    group by
        moments.account_id,
        moments.moment

),

ticket_counts as (

    select
        moments.account_id,
        moments.moment,
        count(*) as n_bad
    from moments
    inner join tickets
        on moments.account_id = tickets.account_id
            and moments.seen_from <= tickets.opened_at
            and moments.moment > tickets.opened_at
    where tickets.satisfaction <= 2
    group by
        moments.account_id,
        moments.moment

),

measured as (

    select
        moments.account_id,
        moments.moment,
        cast(use_counts.breadth as double) as breadth,
        use_counts.n_active / cast(moments.n_seats as double) as active_share,
        -- Three more uses in either half: few uses are no trend.
        ln((use_counts.n_late + 3) / cast(use_counts.n_uses - use_counts.n_late + 3 as double)) as trend,
        coalesce({{ kindred.days_between('use_counts.last_used_at', 'moments.moment') }}, {{ days }}) as days_silent,
        cast(coalesce(ticket_counts.n_bad, 0) as double) as n_bad
    from moments
    inner join use_counts
        on moments.account_id = use_counts.account_id
            and moments.moment = use_counts.moment
    left join ticket_counts
        on moments.account_id = ticket_counts.account_id
            and moments.moment = ticket_counts.moment

),

listed as (

    {% for signal in signals -%}
    select
        account_id,
        moment,
        '{{ signal }}' as signal,
        {{ signal }} as value
    from measured
    {{ "union all" if not loop.last }}
    {% endfor %}
),

final as (

    select
        listed.account_id,
        listed.moment,
        listed.signal,
        classes.bin,
        round(listed.value, 4) as value,
        classes.sentence
    from listed
    inner join classes
        on listed.signal = classes.signal
            and (classes.from_value is null or listed.value >= classes.from_value)
            and (classes.to_value is null or listed.value < classes.to_value)

)

select * from final
