-- one row per (member_id, reminder_id): an interval that holds for a member who allowed reminders, and when it is due
-- Only what was stated decides: conditions are never inferred. What excludes a check is hard: it is for members whose
-- conditions are known and have no such word.
with members as (select * from {{ ref('checked_members') }}),

guidelines as (select * from {{ ref('checked_intervals') }}),

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

excluding_words as ({{ kindred.set_words('guidelines', 'excluded_by', keep=['reminder_id']) }}),

excluded as (

    select
        stated_words.member_id,
        excluding_words.reminder_id
    from stated_words
    inner join excluding_words
        on stated_words.word = excluding_words.word
    group by
        stated_words.member_id,
        excluding_words.reminder_id

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

final as (

    select
        members.member_id,
        allowed.user_id,
        guidelines.reminder_id,
        guidelines.title,
        guidelines.item_id,
        guidelines.done_as,
        guidelines.quiet_days,
        last_checks.last_done_on,
        case
            -- Nobody knows what was done before a member joined, so they are late by no day before it.
            when last_checks.last_done_on is null
                then cast({{ dbt.dateadd(
                    'month',
                    'guidelines.starts_months_after',
                    'greatest(cast('
                    ~ dbt.dateadd('month', 'guidelines.from_age * 12', 'members.born_on')
                    ~ ' as date), coalesce(members.joined_on, members.today))'
                ) }} as date)
            -- Without an interval once is enough: the date is null.
            else cast({{ dbt.dateadd('month', 'guidelines.every_months', 'last_checks.last_done_on') }} as date)
        end as due_on,
        members.today
    from members
    inner join allowed
        on members.member_id = allowed.member_id
    inner join guidelines
        on members.age >= guidelines.from_age
            and members.age <= coalesce(guidelines.to_age, members.age)
            and coalesce(guidelines.sex, members.sex, '') = coalesce(members.sex, '')
    left join stated_words
        on members.member_id = stated_words.member_id
            and guidelines.condition = stated_words.word
    left join conditions
        on members.member_id = conditions.member_id
    left join excluded
        on members.member_id = excluded.member_id
            and guidelines.reminder_id = excluded.reminder_id
    left join last_checks
        on members.member_id = last_checks.member_id
            and guidelines.done_as = last_checks.what
    where (guidelines.condition is null or stated_words.word is not null)
        and (guidelines.excluded_by is null or (conditions.words is not null and excluded.member_id is null))

)

select * from final
