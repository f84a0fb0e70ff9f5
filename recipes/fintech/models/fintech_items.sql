-- one row per offer
with offers as (select * from {{ source('raw', 'offers') }}),

final as (

    select
        offer_id as item_id,
        name as title,
        description,
        family as category,
        is_open as is_available
    from offers

)

select * from final
