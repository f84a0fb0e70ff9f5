-- one row per segment: what people without a list are shown, in each segment and (segment '') for everyone
with fallbacks as (

    select
        segment,
        {{ kindred.json_rows(['item_id', 'round(score, 6)', 'generator'], order_by='rank') }} as fallback
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

-- What is excluded for everyone can't be recommended at all. An unknown visitor counts as
-- cold.
kept_away as (

    select
        coalesce(segment, '') as segment,
        item_id,
        activity is not null as is_for_cold
    from {{ ref('item_rules') }}
    where fold = 'live'
        and action = 'exclude'
        and ((segment is not null and activity is null) or activity = 'cold')
        and policy is null
    group by
        segment,
        item_id,
        activity

),

exclusions as (

    select
        segment,
        {{ kindred.json_rows(['item_id'], order_by='item_id') }} as excluded
    from kept_away
    where not is_for_cold
    group by segment

),

cold_exclusions as (

    select
        segment,
        {{ kindred.json_rows(['item_id'], order_by='item_id') }} as excluded_if_unknown
    from kept_away
    where is_for_cold
    group by segment

),

-- A segment in which nothing has happened yet has exclusions at most; its people see what everyone sees.
segments as (

    select segment from fallbacks
    union distinct
    select segment from exclusions
    union distinct
    select segment from cold_exclusions

),

final as (

    select
        segments.segment,
        coalesce(fallbacks.fallback, '[]') as fallback,
        coalesce(trending.trending, '[]') as trending,
        coalesce(exclusions.excluded, '[]') as excluded,
        coalesce(cold_exclusions.excluded_if_unknown, '[]') as excluded_if_unknown
    from segments
    left join fallbacks
        on segments.segment = fallbacks.segment
    left join trending
        on segments.segment = trending.segment
    left join exclusions
        on segments.segment = exclusions.segment
    left join cold_exclusions
        on segments.segment = cold_exclusions.segment

)

select * from final
