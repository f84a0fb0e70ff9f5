-- one row per rating: how it was liked, or a click
-- Most people rate all their films on one day, so that no day divides everybody's ratings: their places in time are
-- made, two minutes apart.
with placed_ratings as (select * from {{ ref('placed_ratings') }}),

final as (

    select
        concat(user_id, '-', item_id) as event_id,
        user_id,
        item_id,
        {% if var('learns_from') == 'clicks' -%}
        'click' as event_type,
        {% else -%}
        case
            when rating >= 4 then 'liked'
            when rating >= 3 then 'watched'
            else 'disliked'
        end as event_type,
        {% endif -%}
        case part
            when 'held_out' then timestamp '2024-01-02 23:00:00'
            when 'tuning' then timestamp '2024-01-01 23:00:00'
            else timestamp '2023-12-31 23:00:00'
        end - (row_number() over (partition by user_id, part order by place_from_newest)) * interval '2 minutes'
            as occurred_at
    from placed_ratings

)

select * from final
