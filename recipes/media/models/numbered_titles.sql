-- one row per title_id: a film, or an episode with its place in its series, and what kindred knows it as
with catalogue as (select * from {{ source('raw', 'catalogue') }}),

final as (

    select
        title_id,
        coalesce(series_id, title_id) as shown_id,
        runtime_seconds,
        row_number() over (partition by coalesce(series_id, title_id) order by season, episode, title_id)
            as number_in_series,
        count(*) over (partition by coalesce(series_id, title_id)) as n_titles
    from catalogue

)

select * from final
