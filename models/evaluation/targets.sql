-- one row per (fold, user_id, item_id): what people who were known at the fold's moment went on to choose
-- Items that the list could not have shown by its own rules (a history excludes them) are no targets.
with folds as (select * from {{ ref('folds') }} where fold <> 'live'),

event_types as (select * from {{ ref('event_types') }} where is_target),

events as (

    select
        coalesce(user_id, anonymous_id) as identity_id,
        item_id,
        event_type,
        value,
        occurred_at
    from {{ ref('events') }}
    where item_id is not null

),

people as (select * from {{ ref('people') }} where is_consented),

known as (select fold, user_id from {{ ref('user_features') }}),

barred as (select fold, user_id, item_id from {{ ref('interactions') }} where is_excluded),

chosen as (

    select
        folds.fold,
        people.user_id,
        events.item_id,
        count(*) as n_events
    from events
    inner join event_types
        on events.event_type = event_types.event_type
    inner join people
        on events.identity_id = people.identity_id
    inner join folds
        on events.occurred_at >= folds.learns_until
            and events.occurred_at < folds.judged_until
    where events.value >= event_types.neutral_value
        or events.value is null
        or event_types.neutral_value is null
    group by
        folds.fold,
        people.user_id,
        events.item_id

),

final as (

    select
        chosen.fold,
        chosen.user_id,
        chosen.item_id,
        chosen.n_events
    from chosen
    inner join known
        on chosen.fold = known.fold
            and chosen.user_id = known.user_id
    left join barred
        on chosen.fold = barred.fold
            and chosen.user_id = barred.user_id
            and chosen.item_id = barred.item_id
    where barred.item_id is null

)

select * from final
