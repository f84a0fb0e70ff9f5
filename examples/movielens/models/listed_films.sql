-- one row per (user_id, rank) of the first ten of a list that knew no held-out rating: what the person gave the film
with lists as (

    select
        user_id,
        item_id,
        rank
    from {{ ref('kindred', 'ranked_lists') }}
    where fold = 'backtest'
        and rank <= 10

),

held_out as (select * from {{ ref('placed_ratings') }} where part = 'held_out'),

final as (

    select
        lists.user_id,
        lists.rank,
        lists.item_id,
        films.title,
        held_out.rating
    from lists
    inner join {{ ref('films') }} as films
        on lists.item_id = films.item_id
    left join held_out
        on lists.user_id = held_out.user_id
            and lists.item_id = held_out.item_id

)

select * from final
