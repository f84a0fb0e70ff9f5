-- one row per (member_id, done_as): the check that a member is, or is soon, to be reminded of
-- Of several rows of the table for one check the one that is due first counts. What was sent is quiet for its
-- quiet_days, and of a member no more than reminders_at_once are listed or quiet at a time.
with soonest as (

    select
        *,
        row_number() over (partition by member_id, done_as order by due_on, reminder_id) as place
    from {{ ref('member_intervals') }}
    where due_on is not null
    qualify place = 1

),

-- A reminder that was sent is an event of its content.
last_sends as (

    select
        member_id,
        content_id as item_id,
        max(cast(happened_at as date)) as last_sent_on
    from {{ source('raw', 'events') }}
    where what = 'send'
    group by
        member_id,
        content_id

),

due as (

    select
        soonest.*,
        last_sends.last_sent_on,
        coalesce(
            {{ kindred.days_between('last_sends.last_sent_on', 'soonest.today') }} < soonest.quiet_days, false
        ) as is_quiet
    from soonest
    left join last_sends
        on soonest.member_id = last_sends.member_id
            and soonest.item_id = last_sends.item_id
    where {{ kindred.days_between('soonest.today', 'soonest.due_on') }} <= {{ var('remind_days_before') }}

),

-- What was never sent comes first, then what was sent longest ago: none waits behind another for good.
ordered as (

    select
        *,
        row_number() over (
            partition by member_id
            order by
                case when is_quiet then 0 else 1 end,
                coalesce(last_sent_on, cast('1900-01-01' as date)),
                due_on,
                reminder_id
        ) as turn
    from due

),

-- The content of a reminder is content: conditions hold for it, too.
final as (

    select
        ordered.member_id,
        ordered.reminder_id,
        ordered.done_as,
        ordered.title,
        case
            when item_eligibility.item_id is null or eligible_people.user_id is not null then ordered.item_id
        end as item_id,
        ordered.last_done_on is not null as is_on_record,
        ordered.last_done_on,
        ordered.last_sent_on,
        ordered.due_on,
        case
            when ordered.last_done_on is not null
                then cast(greatest({{ kindred.days_between('ordered.due_on', 'ordered.today') }}, 0) as bigint)
        end as overdue_days,
        send_hours.send_hour
    from ordered
    left join {{ ref('kindred', 'item_eligibility') }} as item_eligibility
        on ordered.item_id = item_eligibility.item_id
    left join {{ ref('kindred', 'eligible_people') }} as eligible_people
        on ordered.user_id = eligible_people.user_id
            and item_eligibility.eligibility = eligible_people.eligibility
    left join {{ ref('kindred', 'send_hours') }} as send_hours
        on ordered.user_id = send_hours.user_id
    where ordered.turn <= {{ var('reminders_at_once') }}
        and not ordered.is_quiet

)

select * from final
