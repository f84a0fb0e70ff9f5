-- one row per viewer account
with viewers as (select * from {{ source('raw', 'viewers') }}),

final as (

    select
        viewer_id as user_id,
        joined_at as created_at,
        country
    from viewers

)

select * from final
