-- one row per (viewer_id, title_id): the newest play up to as_of, of viewers who may be addressed
-- A viewer who refuses or is forgotten has no list, and no shelf either.
with plays as (select * from {{ ref('watched_plays') }}),

people as (select user_id from {{ ref('kindred', 'recommendation_lists') }}),

moment as (select max(as_of) as as_of from {{ ref('kindred', 'folds') }}),

final as (

    select
        plays.viewer_id,
        plays.title_id,
        plays.shown_id,
        plays.number_in_series,
        plays.reached,
        plays.is_finished,
        -- Watching it again and stopping doesn't undo that.
        max(case when plays.is_finished then 1 else 0 end) over (partition by plays.viewer_id, plays.title_id) = 1
            as was_ever_finished,
        plays.started_at,
        row_number() over (
            partition by plays.viewer_id, plays.title_id order by plays.started_at desc, plays.play_id desc
        ) as number_of_play
    from plays
    inner join people
        on plays.viewer_id = people.user_id
    inner join moment
        on plays.started_at < moment.as_of
    qualify number_of_play = 1

)

select * from final
