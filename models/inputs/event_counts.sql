-- one row per (rejection_reason, unknown_item_id, is_refund): how many raw events there are of each
-- The raw events are counted once in a build; whatever tells of them reads it here.
with checked_events as (select * from {{ ref('checked_events') }}),

final as (

    select
        rejection_reason,
        case when rejection_reason = 'unknown_item' then item_id end as unknown_item_id,
        is_refund,
        min(rejected_text) as rejected_text,
        cast(count(*) as bigint) as n_events
    from checked_events
    group by
        rejection_reason,
        case when rejection_reason = 'unknown_item' then item_id end,
        is_refund

)

select * from final
