-- one row per (fold, user_id, item_id): what a person already cares about and hasn't been kept from by their history:
-- viewed but not bought, or bought where the shop's purchases don't exclude an item
with interactions as (

    select *
    from {{ ref('interactions') }}
    where weight > 0
        and not is_excluded

),

item_features as (select * from {{ ref('item_features') }} where is_recommendable),

-- Weights fade with time where the shop's event_weights say so; of equal ones the latest touched comes first.
ranked as (

    select
        interactions.fold,
        interactions.user_id,
        interactions.item_id,
        interactions.weight as score,
        row_number() over (
            partition by interactions.fold, interactions.user_id
            order by interactions.weight desc, interactions.last_at desc, interactions.item_id
        ) as rank
    from interactions
    inner join item_features
        on interactions.fold = item_features.fold
            and interactions.item_id = item_features.item_id

),

final as (select * from ranked where rank <= {{ var('kindred__n_candidates') }})

select * from final
