-- one row per (fold, user_id, item_id): items that a person's own history favours and doesn't exclude
-- Viewed but not bought, or bought where the shop's purchases don't exclude an item. Folds one by one: with the fold in
-- the window's key 20 million interactions take 23 seconds instead of 7.
with ranked as (

    {% for fold in kindred.fold_names() %}
    select
        '{{ fold }}' as fold,
        'history' as generator,
        interactions.user_id,
        interactions.item_id,
        interactions.weight as score,
        row_number() over (
            partition by interactions.user_id order by interactions.weight desc, interactions.item_id
        ) as rank
    from {{ ref('interactions') }} as interactions
    inner join {{ ref('item_features') }} as item_features
        on interactions.item_id = item_features.item_id
    where interactions.fold = '{{ fold }}'
        and interactions.weight > 0
        and not interactions.is_excluded
        and item_features.fold = '{{ fold }}'
        and item_features.is_recommendable
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

final as (select * from ranked where rank <= {{ kindred.setting('lists', 'n_candidates') }})

select * from final
