-- one row per (user_id, feature_id): when the user first used the feature, of people who may be addressed
with events as (

    select
        user_id,
        item_id,
        occurred_at
    from {{ ref('kindred', 'person_events') }}
    where event_type in ('adopt', 'use')

),

moment as (select max(as_of) as as_of from {{ ref('kindred', 'folds') }}),

final as (

    select
        events.user_id,
        events.item_id as feature_id,
        min(events.occurred_at) as first_used_at,
        count(*) as n_uses
    from events
    inner join moment
        on events.occurred_at < moment.as_of
    group by
        events.user_id,
        events.item_id

)

select * from final
