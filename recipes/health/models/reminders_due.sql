-- one row per (member_id, done_as): the check that a member is, or is soon, to be reminded of
-- Of several rows of the table for one check the one that is due first counts. Only who allowed the purpose reminders
-- is reminded, and only what was stated decides: conditions are never inferred.
with members as (select * from {{ ref('member_ages') }}),

guidelines as (select * from {{ ref('guideline_intervals') }}),

allowed as (

    select
        identities.identity_id as member_id,
        identities.user_id
    from {{ ref('kindred', 'identities') }} as identities
    inner join {{ ref('kindred', 'consent_history') }} as consent_history
        on identities.user_id = consent_history.user_id
    where consent_history.purpose = 'reminders'
        and consent_history.is_granted
        and consent_history.valid_to is null

),

conditions as (select * from {{ ref('member_sets') }} where field = 'conditions'),

stated_words as ({{ kindred.set_words('conditions', 'words', keep=['member_id']) }}),

-- Of whom the age is unknown no interval can be said.
aged as (

    select
        members.member_id,
        allowed.user_id,
        members.sex,
        members.born_on,
        members.age,
        members.today
    from members
    inner join allowed
        on members.member_id = allowed.member_id
    where members.age is not null

),

last_checks as (

    select
        checks.member_id,
        checks.what,
        max(cast(checks.done_at as date)) as last_done_on
    from {{ source('raw', 'checks') }} as checks
    inner join members
        on checks.member_id = members.member_id
    where cast(checks.done_at as date) <= members.today
    group by
        checks.member_id,
        checks.what

),

intervals as (

    select
        aged.member_id,
        aged.user_id,
        guidelines.reminder_id,
        guidelines.title,
        guidelines.item_id,
        guidelines.done_as,
        last_checks.last_done_on,
        case
            when last_checks.last_done_on is null
                then cast({{ dbt.dateadd(
                    'month', 'guidelines.from_age * 12 + guidelines.starts_months_after', 'aged.born_on'
                ) }} as date)
            -- Without an interval once is enough: the date is null.
            else cast({{ dbt.dateadd('month', 'guidelines.every_months', 'last_checks.last_done_on') }} as date)
        end as due_on,
        aged.today
    from aged
    inner join guidelines
        on aged.age >= guidelines.from_age
            and aged.age <= coalesce(guidelines.to_age, aged.age)
            and coalesce(guidelines.sex, aged.sex, '') = coalesce(aged.sex, '')
    left join stated_words
        on aged.member_id = stated_words.member_id
            and guidelines.condition = stated_words.word
    left join last_checks
        on aged.member_id = last_checks.member_id
            and guidelines.done_as = last_checks.what
    where guidelines.condition is null
        or stated_words.word is not null

),

soonest as (

    select
        *,
        row_number() over (partition by member_id, done_as order by due_on, reminder_id) as place
    from intervals
    where due_on is not null
    qualify place = 1

),

-- The content of a reminder is content: conditions hold for it, too.
final as (

    select
        soonest.member_id,
        soonest.reminder_id,
        soonest.done_as,
        soonest.title,
        case
            when item_eligibility.item_id is null or eligible_people.user_id is not null then soonest.item_id
        end as item_id,
        soonest.last_done_on,
        soonest.due_on,
        case
            when soonest.due_on < soonest.today
                then cast({{ kindred.days_between('soonest.due_on', 'soonest.today') }} as bigint)
            else 0
        end as overdue_days,
        send_hours.send_hour
    from soonest
    left join {{ ref('kindred', 'item_eligibility') }} as item_eligibility
        on soonest.item_id = item_eligibility.item_id
    left join {{ ref('kindred', 'eligible_people') }} as eligible_people
        on soonest.user_id = eligible_people.user_id
            and item_eligibility.eligibility = eligible_people.eligibility
    left join {{ ref('kindred', 'send_hours') }} as send_hours
        on soonest.user_id = send_hours.user_id
    where {{ kindred.days_between('soonest.today', 'soonest.due_on') }} <= {{ var('remind_days_before') }}

)

select * from final
