-- one row per rank: what plays when a title is over: the viewer's next episode of it, then the list of the session
-- Names of arguments stand in `request` and in the call of recommend_items alone: on DuckDB they hide columns.
with request as (

    select
        cast(viewer as varchar) as asking_viewer,
        cast(played_item as varchar) as item_over,
        cast(played_title as varchar) as title_over

),

titles as (select * from {{ ref('numbered_titles') }}),

newest_plays as (select * from {{ ref('newest_plays') }}),

-- The title that is just over is in no build yet.
seen as (

    select
        title_over as title_id,
        item_over
    from request

    union all

    select
        newest_plays.title_id,
        request.item_over
    from newest_plays
    inner join request
        on newest_plays.viewer_id = request.asking_viewer
            and newest_plays.shown_id = request.item_over
    where newest_plays.was_ever_finished

),

furthest as (

    select
        titles.shown_id,
        max(titles.number_in_series) as number_in_series
    from titles
    inner join seen
        on titles.title_id = seen.title_id
            and titles.shown_id = seen.item_over
    group by titles.shown_id

),

following as (

    select titles.*
    from titles
    inner join furthest
        on titles.shown_id = furthest.shown_id
            and titles.number_in_series = furthest.number_in_series + 1

),

{% set session = "'[\"' || cast(played_item as varchar) || '\"]'" %}
{% set arguments = ['viewer', session, 'n', 'null', 'null', 'null', 'null', 'null', 'null', 'null'] %}
recommended as (

    select * from {{ kindred.call_table_function(function('kindred', 'recommend_items'), arguments) }}

),

-- What the session's list holds isn't begun, so that a series starts with its first episode.
listed as (

    select
        1 as part,
        cast(1 as bigint) as place,
        shown_id,
        title_id,
        'next_in_series' as reason
    from following

    union all

    select
        2 as part,
        recommended.rank as place,
        titles.shown_id,
        titles.title_id,
        recommended.reason
    from recommended
    inner join titles
        on recommended.item_id = titles.shown_id
            and titles.number_in_series = 1

)

select
    row_number() over (order by listed.part, listed.place) as rank,
    listed.shown_id,
    listed.title_id,
    listed.reason
from listed
order by rank
