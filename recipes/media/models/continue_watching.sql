-- one row per (viewer_id, rank): titles that the viewer lately stopped half-way, newest first, ten at most
-- What was left before half was abandoned. Of a series the newest episode counts.
with newest_plays as (select * from {{ ref('newest_plays') }}),

moment as (select max(as_of) as as_of from {{ ref('kindred', 'folds') }}),

begun as (

    select
        newest_plays.viewer_id,
        newest_plays.shown_id,
        newest_plays.title_id,
        newest_plays.reached,
        newest_plays.started_at,
        row_number() over (
            partition by newest_plays.viewer_id, newest_plays.shown_id
            order by newest_plays.started_at desc, newest_plays.title_id desc
        ) as number_of_title
    from newest_plays
    inner join moment
        on newest_plays.started_at >= moment.as_of - interval '{{ var('continued_days') }} days'
    where newest_plays.reached >= {{ var('half_from') }}
        and not newest_plays.is_finished
    qualify number_of_title = 1

),

final as (

    select
        viewer_id,
        cast(row_number() over (partition by viewer_id order by started_at desc, title_id desc) as bigint) as rank,
        title_id,
        shown_id,
        reached,
        started_at as last_played_at
    from begun
    qualify rank <= 10

)

select * from final
