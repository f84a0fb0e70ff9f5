-- one row per user_id: the person's list as one JSON array, for a single-key lookup
with recommendations as (select * from {{ ref('recommendations') }}),

grouped as (

    select
        user_id,
        {{ kindred.json_array(
            ['rank', 'item_id', 'score', 'generator', 'reason', 'because_item_id', 'propensity'], order_by='rank'
        ) }} as items,
        cast(count(*) as bigint) as n_items,
        min(run_id) as run_id,
        min(generated_at) as generated_at,
        min(expires_at) as expires_at
    from recommendations
    group by user_id

),

final as (

    select
        user_id,
        {{ kindred.list_id('user_id', 'run_id') }} as list_id,
        items,
        n_items,
        run_id,
        generated_at,
        expires_at
    from grouped

)

select * from final
