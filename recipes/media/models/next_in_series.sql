-- one row per (viewer_id, shown_id): the episode after the furthest one that the viewer has finished
-- People who watch earlier episodes again don't start over. An episode in continue_watching isn't offered twice.
with newest_plays as (select * from {{ ref('newest_plays') }}),

episodes as (select * from {{ ref('numbered_titles') }}),

furthest as (

    select
        viewer_id,
        shown_id,
        max(number_in_series) as number_in_series,
        max(started_at) as last_played_at
    from newest_plays
    where was_ever_finished
    group by
        viewer_id,
        shown_id

),

begun as (select * from {{ ref('continue_watching') }}),

final as (

    select
        furthest.viewer_id,
        furthest.shown_id,
        episodes.title_id,
        finished.title_id as after_title_id,
        furthest.last_played_at
    from furthest
    inner join episodes
        on furthest.shown_id = episodes.shown_id
            and furthest.number_in_series + 1 = episodes.number_in_series
    inner join episodes as finished
        on furthest.shown_id = finished.shown_id
            and furthest.number_in_series = finished.number_in_series
    left join begun
        on furthest.viewer_id = begun.viewer_id
            and episodes.title_id = begun.title_id
    where begun.title_id is null

)

select * from final
