-- one row per (fold, user_id, item_id): items of the categories and brands that a person told us they like
-- From the list of everybody who said the same, without what the person's own history excludes.
with remaining as (

    select
        people.fold,
        people.user_id,
        lists.item_id,
        lists.place,
        row_number() over (partition by people.fold, people.user_id order by lists.place) as rank
    from {{ ref('stated_preferences') }} as people
    inner join {{ ref('preferred_lists') }} as lists
        on people.text_number = lists.text_number
    left join {{ ref('interactions') }} as interactions
        on people.fold = interactions.fold
            and people.user_id = interactions.user_id
            and lists.item_id = interactions.item_id
            and interactions.is_excluded
    where interactions.item_id is null

),

final as (

    select
        fold,
        'preferences' as generator,
        user_id,
        item_id,
        cast(round(1 / cast(place as double), 6) as double) as score,
        rank
    from remaining
    where rank <= {{ kindred.setting('lists', 'n_candidates') }}

)

select * from final
