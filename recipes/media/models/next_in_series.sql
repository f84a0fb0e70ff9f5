-- one row per (viewer_id, shown_id): the episode after the last one that the viewer finished
-- An episode that is begun is in continue_watching instead.
with newest_plays as (select * from {{ ref('newest_plays') }}),

episodes as (select * from {{ ref('numbered_titles') }}),

last_finished as (

    select
        viewer_id,
        shown_id,
        title_id,
        number_in_series,
        started_at,
        row_number() over (
            partition by viewer_id, shown_id order by started_at desc, number_in_series desc
        ) as number_from_the_last
    from newest_plays
    where is_finished
    qualify number_from_the_last = 1

),

begun as (select * from {{ ref('continue_watching') }}),

final as (

    select
        last_finished.viewer_id,
        last_finished.shown_id,
        episodes.title_id,
        last_finished.title_id as after_title_id,
        last_finished.started_at as last_played_at
    from last_finished
    inner join episodes
        on last_finished.shown_id = episodes.shown_id
            and last_finished.number_in_series + 1 = episodes.number_in_series
    left join begun
        on last_finished.viewer_id = begun.viewer_id
            and episodes.title_id = begun.title_id
    where begun.title_id is null

)

select * from final
