-- one row per play: how far the title was watched, and what of it kindred knows (a film or a series)
with plays as (select * from {{ source('raw', 'plays') }}),

numbered as (select * from {{ ref('numbered_titles') }}),

final as (

    select
        plays.play_id,
        plays.viewer_id,
        plays.title_id,
        numbered.shown_id,
        plays.visit_id,
        plays.impression_id,
        numbered.number_in_series,
        plays.until_second - plays.from_second as watched_seconds,
        plays.until_second * cast(1 as double) / numbered.runtime_seconds as reached,
        -- The last tenth is credits.
        plays.until_second >= {{ var('finished_from') }} * numbered.runtime_seconds as is_finished,
        numbered.number_in_series = numbered.n_titles as is_last,
        plays.started_at
    from plays
    inner join numbered
        on plays.title_id = numbered.title_id

)

select * from final
