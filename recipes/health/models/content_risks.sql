-- one row per (item_id, risk): what an item may do harm by, and whether somebody has said whom it harms
-- A risk that no condition is for would be shown to everybody, so that it stops the build.
with content as (select * from {{ source('raw', 'content') }}),

risks as ({{ kindred.set_words('content', 'risks', keep=['content_id']) }}),

conditions as (select lower(tag) as tag from {{ ref('health_eligibility') }} where tag is not null group by lower(tag)),

final as (

    select
        risks.content_id as item_id,
        risks.word as risk,
        case
            when risks.word is null then 'its risks cannot be read: write them as a list of words'
            when conditions.tag is null
                then concat('it has the risk ''', risks.word, ''', and health_eligibility has no row of this tag')
        end as problem
    from risks
    left join conditions
        on risks.word = conditions.tag

)

select * from final
