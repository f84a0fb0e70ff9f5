-- one row per film or series: what can be shown; which episode plays is what next_in_series says
{% set fields = {
    'kind': "case when kind = 'episode' then 'series' else kind end",
    'duration_seconds': 'runtime_seconds',
} %}

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
        -- Words of attributes are content: of most titles a key without a value would be some.
        case
            when thumbnails is null then {{ kindred.json_record(fields) }}
            else {{ kindred.json_record(dict(fields, creatives="split(thumbnails, '|')")) }}
        end as attributes
    from things

)

select * from final
