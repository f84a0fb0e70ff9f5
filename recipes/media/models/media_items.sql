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
        concat(
            '{"kind": "', case when kind = 'episode' then 'series' else kind end,
            '", "duration_seconds": ', cast(runtime_seconds as varchar),
            case when thumbnails is not null then ', "creatives": ["' else '' end,
            coalesce(replace(thumbnails, '|', '", "'), ''),
            case when thumbnails is not null then '"]' else '' end,
            '}'
        ) as attributes
    from things

)

select * from final
