-- one row per (fold, generator, segment, item_id): what is popular and what is trending, overall and in each segment
-- The segment of the lists for everyone is ''. `popular` ranks every item, so that no list ever runs out before the
-- catalogue does. What rests on fewer than min_people of kindred__privacy counts as touched by nobody.
with item_features as (select * from {{ ref('item_features') }} where is_recommendable),

segment_popularity as (select * from {{ ref('segment_popularity') }}),

segment_totals as (

    select
        fold,
        segment,
        {{ kindred.exact_sum('popularity') }} / count(*) as mean_popularity,
        {{ kindred.exact_sum('recent_popularity') }} / nullif({{ kindred.exact_sum('popularity') }}, 0) as recent_share
    from segment_popularity
    group by
        fold,
        segment

),

scored as (

    select
        fold,
        'popular' as generator,
        '' as segment,
        item_id,
        case when {{ kindred.enough_people('n_users') }} then popularity else 0 end as score
    from item_features

    union all

    select
        fold,
        'trending' as generator,
        '' as segment,
        item_id,
        trend as score
    from item_features
    where trend > 0
        and {{ kindred.enough_people('n_recent_users') }}

    union all

    select
        fold,
        'popular_in_segment' as generator,
        segment,
        item_id,
        popularity as score
    from segment_popularity
    where popularity > 0
        and {{ kindred.enough_people('n_users') }}

    union all

    select
        segment_popularity.fold,
        'trending_in_segment' as generator,
        segment_popularity.segment,
        segment_popularity.item_id,
        {{ kindred.trend(
            'segment_popularity.recent_popularity',
            'segment_popularity.popularity * segment_totals.recent_share',
            'segment_totals.mean_popularity'
        ) }} as score
    from segment_popularity
    inner join segment_totals
        on segment_popularity.fold = segment_totals.fold
            and segment_popularity.segment = segment_totals.segment
    where segment_popularity.recent_popularity > segment_popularity.popularity * segment_totals.recent_share
        and segment_popularity.recent_popularity > 0
        and {{ kindred.enough_people('segment_popularity.n_recent_users') }}

),

-- Among items with equal scores, such as those that nobody touched, the newest comes first.
final as (

    select
        scored.fold,
        scored.generator,
        scored.segment,
        scored.item_id,
        scored.score,
        row_number() over (
            partition by scored.fold, scored.generator, scored.segment
            order by scored.score desc, item_features.age_days nulls last, scored.item_id
        ) as rank
    from scored
    inner join item_features
        on scored.fold = item_features.fold
            and scored.item_id = item_features.item_id

)

select * from final
