-- one row per thing that a member did with an item, or check that they had, and why nothing may be learned from it
-- Reading about a sensitive category tells of the member. Without their consent to its purpose it is as if unread.
with events as (

    select
        event_id,
        member_id,
        visit_id,
        content_id,
        what,
        happened_at
    from {{ source('raw', 'events') }}

    union all

    -- What a check was about is done, and leaves the lists.
    select
        concat(checks.check_id, ':', reminders.item_id) as event_id,
        checks.member_id,
        cast(null as varchar) as visit_id,
        reminders.item_id as content_id,
        'screening' as what,
        checks.done_at as happened_at
    from {{ source('raw', 'checks') }} as checks
    inner join (
        select
            done_as,
            item_id
        from {{ ref('checked_intervals') }}
        group by
            done_as,
            item_id
    ) as reminders
        on checks.what = reminders.done_as
    inner join {{ ref('checked_members') }} as members
        on checks.member_id = members.member_id
    where {{ kindred.days_between('checks.done_at', 'members.today') }} <= 90

),

final as (

    select
        events.event_id,
        events.member_id,
        events.visit_id,
        events.content_id,
        events.what,
        content.topic,
        case
            -- What was sent is nothing that the member did, and counts for caps.
            when events.what = 'send' or sensitive_categories.category is null or open_topics.is_allowed then null
            when permissions.member_id is not null then concat(sensitive_categories.purpose, ' is refused')
            else concat(sensitive_categories.purpose, ' was not answered')
        end as left_out_because,
        events.happened_at
    from events
    inner join {{ source('raw', 'content') }} as content
        on events.content_id = content.content_id
    left join {{ ref('sensitive_categories') }} as sensitive_categories
        on content.topic = sensitive_categories.category
    left join {{ ref('open_topics') }} as open_topics
        on events.member_id = open_topics.member_id
            and content.topic = open_topics.category
    left join {{ ref('member_permissions') }} as permissions
        on events.member_id = permissions.member_id
            and sensitive_categories.purpose = permissions.purpose

)

select * from final
