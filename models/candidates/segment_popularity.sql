-- one row per (fold, segment, item_id): how popular an item is among the people of a segment
with segments as (

    select
        fold,
        user_id,
        segment
    from {{ ref('user_features') }}
    where segment is not null

),

final as (

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

)

select * from final
