-- one row per user
-- What features ask for stands in attributes: kindred reads any key of it.
with users as (select * from {{ source('raw', 'users') }}),

accounts as (select * from {{ source('raw', 'accounts') }}),

final as (

    select
        users.user_id,
        users.invited_at as created_at,
        accounts.country,
        {{ kindred.json_record({
            'account': 'accounts.account_id', 'plan': 'accounts.plan', 'role': 'users.role'
        }) }} as attributes
    from users
    inner join accounts
        on users.account_id = accounts.account_id

)

select * from final
