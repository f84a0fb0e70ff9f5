-- one row per answer to a question for consent
with permissions as (select * from {{ source('raw', 'permissions') }}),

final as (

    select
        customer_id as user_id,
        topic as purpose,
        is_allowed as is_granted,
        answered_at as updated_at
    from permissions

)

select * from final
