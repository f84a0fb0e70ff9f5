-- one row per (fold, generator, segment, item_id): what is popular and what is trending, overall and in each segment
-- The segment of the lists for everyone is ''. `popular` ranks every item, so that no list ever runs out before the
-- catalogue does.
{% set has_segments = kindred.input_relation('users') is not none and kindred.setting('lists', 'segment_by') %}

with item_features as (select * from {{ ref('item_features') }} where is_recommendable),

{% if has_segments %}
segments as (

    select
        fold,
        user_id,
        segment
    from {{ ref('user_features') }}
    where segment is not null

),

in_segments as (

    select
        fold_events.fold,
        segments.segment,
        fold_events.item_id,
        {{ kindred.exact_sum('fold_events.weight') }} as popularity,
        {{ kindred.exact_sum('case when fold_events.is_recent then fold_events.weight else 0 end') }}
            as recent_popularity
    from {{ ref('fold_events') }} as fold_events
    inner join segments
        on fold_events.fold = segments.fold
            and fold_events.user_id = segments.user_id
    group by
        fold_events.fold,
        segments.segment,
        fold_events.item_id

),

segment_totals as (

    select
        fold,
        segment,
        {{ kindred.exact_sum('popularity') }} / count(*) as mean_popularity,
        {{ kindred.exact_sum('recent_popularity') }} / nullif({{ kindred.exact_sum('popularity') }}, 0) as recent_share
    from in_segments
    group by
        fold,
        segment

),
{% endif %}
scored as (

    select
        fold,
        'popular' as generator,
        '' as segment,
        item_id,
        popularity as score
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

    {% if has_segments %}
    union all

    select
        fold,
        'popular_in_segment' as generator,
        segment,
        item_id,
        popularity as score
    from in_segments
    where popularity > 0

    union all

    select
        in_segments.fold,
        'trending_in_segment' as generator,
        in_segments.segment,
        in_segments.item_id,
        {{ kindred.trend('in_segments.recent_popularity', 'in_segments.popularity * segment_totals.recent_share',
                         'segment_totals.mean_popularity') }} as score
    from in_segments
    inner join segment_totals
        on in_segments.fold = segment_totals.fold
            and in_segments.segment = segment_totals.segment
    where in_segments.recent_popularity > in_segments.popularity * segment_totals.recent_share
        and in_segments.recent_popularity > 0
    {% endif %}

),

-- Among items alike (all those nobody touched, say) the newest comes first.
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
