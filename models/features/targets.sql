-- one row per (fold, user_id, item_id): what people who were known at the fold's moment went on to choose
-- Items that the list could not have shown by its own rules (a history excludes them) are no targets.
with folds as (select * from {{ ref('folds') }} where fold <> 'live'),

event_types as (select * from {{ ref('event_types') }} where is_target),

known as (

    select
        fold,
        user_id
    from {{ ref('user_features') }}

),

item_features as (select * from {{ ref('item_features') }}),

chosen as (

    select
        folds.fold,
        person_events.user_id,
        person_events.item_id,
        count(*) as n_events
    from {{ ref('person_events') }} as person_events
    inner join event_types
        on person_events.event_type = event_types.event_type
    inner join folds
        on person_events.occurred_at >= folds.learns_until
            and person_events.occurred_at < folds.evaluated_until
    where person_events.item_id is not null
        and (
            person_events.value >= event_types.neutral_value
            or person_events.value is null
            or event_types.neutral_value is null
        )
    group by
        folds.fold,
        person_events.user_id,
        person_events.item_id

),

final as (

    select
        chosen.fold,
        chosen.user_id,
        chosen.item_id,
        chosen.n_events,
        -- Few touches rather than few days: that is what keeps an item from generators that learn from what people did,
        -- and no catalogue needs to say when it came. What came later no list could have shown.
        coalesce(item_features.n_users < 5, false) as is_new_item,
        interactions.item_id is null as is_discovery
    from chosen
    inner join known
        on chosen.fold = known.fold
            and chosen.user_id = known.user_id
    left join item_features
        on chosen.fold = item_features.fold
            and chosen.item_id = item_features.item_id
    left join {{ ref('interactions') }} as interactions
        on chosen.fold = interactions.fold
            and chosen.user_id = interactions.user_id
            and chosen.item_id = interactions.item_id
    where not coalesce(interactions.is_excluded, false)

)

select * from final
