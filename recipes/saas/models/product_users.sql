-- one row per user of an account that has not left, who may be addressed
with users as (select * from {{ source('raw', 'users') }}),

accounts as (select * from {{ source('raw', 'accounts') }}),

lists as (select * from {{ ref('kindred', 'recommendation_lists') }}),

moment as (select max(as_of) as as_of from {{ ref('kindred', 'folds') }}),

final as (

    select
        users.user_id,
        users.account_id,
        users.role,
        accounts.plan,
        users.invited_at
    from users
    inner join accounts
        on users.account_id = accounts.account_id
    inner join lists
        on users.user_id = lists.user_id
    inner join moment
        on accounts.cancelled_at is null or accounts.cancelled_at >= moment.as_of

)

select * from final
