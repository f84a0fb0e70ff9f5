-- one row per (fold, user_id, item_id): what a person's events with an item add up to at the fold's moment
with fold_events as (select * from {{ ref('fold_events') }}),

final as (

    select
        fold,
        user_id,
        item_id,
        {{ kindred.exact_sum('weight') }} as weight,
        max(case when excludes_item then 1 else 0 end) = 1 as is_excluded,
        count(*) as n_events,
        max(occurred_at) as last_at
    from fold_events
    group by
        fold,
        user_id,
        item_id

)

select * from final
