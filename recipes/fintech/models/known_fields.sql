-- one row per (user_id, field): what is known of a customer; of accounts that differ the first and the last value
with user_fields as (select * from {{ ref('kindred', 'user_fields') }}),

identities as (select * from {{ ref('kindred', 'identities') }}),

known as (

    select
        identities.user_id,
        user_fields.field,
        user_fields.value
    from user_fields
    inner join identities
        on user_fields.user_id = identities.identity_id
    where identities.user_id is not null
    group by
        identities.user_id,
        user_fields.field,
        user_fields.value

),

final as (

    select
        user_id,
        field,
        case when count(*) = 1 then min(value) else concat(min(value), ' to ', max(value)) end as known
    from known
    group by
        user_id,
        field

)

select * from final
