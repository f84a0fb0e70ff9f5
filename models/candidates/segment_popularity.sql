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
        counted.fold,
        segments.segment,
        counted.item_id,
        count(*) as n_users,
        sum(case when counted.recent_weight <> 0 then 1 else 0 end) as n_recent_users,
        {{ kindred.exact_sum('counted.weight') }} as popularity,
        {{ kindred.exact_sum('counted.recent_weight') }} as recent_popularity
    from {{ ref('counted_interactions') }} as counted
    inner join segments
        on counted.fold = segments.fold
            and counted.user_id = segments.user_id
    group by
        counted.fold,
        segments.segment,
        counted.item_id

)

select * from final
