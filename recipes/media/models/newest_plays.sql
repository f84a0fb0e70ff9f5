-- one row per (viewer_id, title_id): the newest play, of viewers who may be addressed
-- Whoever refuses or is forgotten has no list, and no shelf of their own either.
with plays as (select * from {{ ref('watched_plays') }}),

people as (select user_id from {{ ref('kindred', 'recommendation_lists') }}),

final as (

    select plays.*
    from plays
    inner join people
        on plays.viewer_id = people.user_id
    qualify row_number() over (
        partition by plays.viewer_id, plays.title_id order by plays.started_at desc, plays.play_id desc
    ) = 1

)

select * from final
