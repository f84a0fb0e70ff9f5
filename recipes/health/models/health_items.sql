-- one row per article, course, recipe or exercise video
-- The reading level stands where a shop has brands: conditions, rules and the ranker read it there.
with content as (select * from {{ source('raw', 'content') }}),

final as (

    select
        content_id as item_id,
        title,
        summary as description,
        topic as category,
        concat('Level ', cast(reading_level as varchar)) as brand,
        published_at as created_at,
        concat('{"format": "', format, '"}') as attributes
    from content

)

select * from final
