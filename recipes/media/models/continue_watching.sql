-- one row per (viewer_id, rank): titles that the viewer has begun and not finished, newest first
with newest_plays as (select * from {{ ref('newest_plays') }}),

final as (

    select
        viewer_id,
        cast(row_number() over (partition by viewer_id order by started_at desc, title_id) as bigint) as rank,
        title_id,
        shown_id,
        reached,
        started_at as last_played_at
    from newest_plays
    where reached >= {{ var('begun_from') }}
        and not is_finished

)

select * from final
