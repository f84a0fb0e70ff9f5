-- one row per segment: what whoever has no list is shown, in each segment and (segment '') for everyone
with fallbacks as (

    select
        segment,
        {{ kindred.json_rows(['item_id', 'round(score, 6)', 'source'], order_by='rank') }} as fallback
    from {{ ref('fallback_recommendations') }}
    group by segment

),

trending as (

    select
        segment,
        {{ kindred.json_rows(['item_id', 'round(score, 6)'], order_by='rank') }} as trending
    from {{ ref('trending_items') }}
    group by segment

),

-- What is excluded for everyone can't be recommended at all.
kept_away as (

    select
        segment,
        item_id
    from {{ ref('item_rules') }}
    where fold = 'live'
        and action = 'exclude'
        and segment is not null
        and activity is null
    group by
        segment,
        item_id

),

exclusions as (

    select
        segment,
        {{ kindred.json_rows(['item_id'], order_by='item_id') }} as excluded
    from kept_away
    group by segment

),

-- A segment in which nothing has happened yet has exclusions at most; its people see what everyone sees.
segments as (

    select segment from fallbacks
    union distinct
    select segment from exclusions

),

final as (

    select
        segments.segment,
        coalesce(fallbacks.fallback, '[]') as fallback,
        coalesce(trending.trending, '[]') as trending,
        coalesce(exclusions.excluded, '[]') as excluded
    from segments
    left join fallbacks
        on segments.segment = fallbacks.segment
    left join trending
        on segments.segment = trending.segment
    left join exclusions
        on segments.segment = exclusions.segment

)

select * from final
