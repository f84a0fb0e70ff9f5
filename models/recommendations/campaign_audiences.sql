-- one row per (campaign_id, user_id): whom a running campaign may write to, about which item, and how much more
{{ config(materialized='view') }}

with campaigns as (

    select
        checked_campaigns.*,
        folds.learns_until
    from {{ ref('checked_campaigns') }} as checked_campaigns
    inner join {{ ref('folds') }} as folds
        on folds.fold = 'live'
            and checked_campaigns.starts_at <= folds.learns_until
            and (checked_campaigns.ends_at > folds.learns_until or checked_campaigns.ends_at is null)
    where checked_campaigns.problem is null

),

-- A replay knows what had been sent then.
sends as (

    select
        identities.user_id,
        send_events.item_id,
        send_events.occurred_at
    from {{ ref('send_events') }} as send_events
    inner join {{ ref('identities') }} as identities
        on coalesce(send_events.user_id, send_events.anonymous_id) = identities.identity_id
    inner join {{ ref('folds') }} as folds
        on folds.fold = 'live'
            and send_events.occurred_at < folds.learns_until

),

told as (

    select
        user_id,
        item_id,
        max(occurred_at) as told_at
    from sends
    group by
        user_id,
        item_id

),

-- Of a category the item that suits the person best. A campaign tells nobody of an item twice.
audience as (

    select
        campaigns.campaign_id,
        campaigns.max_people,
        campaigns.max_sends,
        campaigns.within_days,
        campaigns.learns_until,
        audiences.item_id,
        audiences.user_id,
        audiences.score,
        audiences.pool_rank,
        row_number() over (
            partition by campaigns.campaign_id, audiences.user_id order by audiences.pool_rank, audiences.item_id
        ) as number_of_item
    from campaigns
    inner join {{ ref('kindred', 'items') }} as items
        on campaigns.item_id = items.item_id or campaigns.category = items.category
    inner join {{ ref('item_audiences') }} as audiences
        on items.item_id = audiences.item_id
    inner join {{ ref('user_features') }} as people
        on audiences.user_id = people.user_id
            and people.fold = 'live'
            and not people.is_anonymous
    left join {{ ref('consent_history') }} as answers
        on audiences.user_id = answers.user_id
            and campaigns.purpose = answers.purpose
            and answers.valid_to is null
            and answers.is_granted
    left join told
        on audiences.user_id = told.user_id
            and audiences.item_id = told.item_id
            and campaigns.starts_at <= told.told_at
    where (campaigns.purpose is null or answers.user_id is not null)
        and told.user_id is null
    qualify number_of_item = 1

),

recent_sends as (

    select
        audience.campaign_id,
        audience.user_id,
        count(*) as n_sends
    from audience
    inner join sends
        on audience.user_id = sends.user_id
            and {{ kindred.days_between('sends.occurred_at', 'audience.learns_until') }} <= audience.within_days
    group by
        audience.campaign_id,
        audience.user_id

),

final as (

    select
        audience.campaign_id,
        audience.user_id,
        audience.item_id,
        audience.score,
        audience.pool_rank,
        audience.max_people,
        audience.max_sends - coalesce(recent_sends.n_sends, 0) as allowance
    from audience
    left join recent_sends
        on audience.campaign_id = recent_sends.campaign_id
            and audience.user_id = recent_sends.user_id

)

select * from final
