-- one row per film or series: what can be shown; which episode plays is what next_in_series says
with catalogue as (select * from {{ source('raw', 'catalogue') }}),

things as (

    select
        coalesce(series_id, title_id) as item_id,
        min(name) as title,
        min(kind) as kind,
        min(genre) as category,
        min(runtime_seconds) as runtime_seconds,
        min(thumbnails) as thumbnails
    from catalogue
    group by coalesce(series_id, title_id)

),

final as (

    select
        item_id,
        title,
        category,
        {{ kindred.json_record({
            'kind': "case when kind = 'episode' then 'series' else kind end",
            'duration_seconds': 'runtime_seconds',
            'creatives': "split(thumbnails, '|')",
        }) }} as attributes
    from things

)

select * from final
