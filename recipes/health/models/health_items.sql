-- one row per article, course, recipe or exercise video
-- The reading level stands where a shop has brands: conditions, rules and the ranker read it there. A level without a
-- condition, or a misspelt sensitive topic, would be open to everybody, so that both stop the build.
with content as (select * from {{ source('raw', 'content') }}),

topics as (select word as topic from {{ ref('health_words') }} where field = 'topic'),

final as (

    select
        content.content_id as item_id,
        content.title,
        content.summary as description,
        content.topic as category,
        concat('Level ', cast(cast(content.reading_level as bigint) as varchar)) as brand,
        content.published_at as created_at,
        {{ kindred.json_record({'format': 'content.format'}) }} as attributes,
        case
            when coalesce(content.reading_level, 0) not in (1, 2, 3, 4)
                then concat(
                        'its reading_level is ''', coalesce(cast(content.reading_level as varchar), ''),
                        ''': write 1, 2, 3 or 4'
                    )
            when topics.topic is null
                then concat(
                        'its topic is ''', coalesce(content.topic, ''),
                        ''', no word of topic in health_words: correct it, or add it there'
                    )
        end as problem
    from content
    left join topics
        on content.topic = topics.topic

)

select * from final
