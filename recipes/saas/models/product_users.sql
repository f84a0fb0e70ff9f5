-- one row per user who may be addressed and counted, with the account
-- Who refuses personalization or analytics, is forgotten or is a bot, is in no table of this recipe.
with users as (select * from {{ source('raw', 'users') }}),

accounts as (select * from {{ source('raw', 'accounts') }}),

people as (

    select identity_id
    from {{ ref('kindred', 'identities') }}
    where user_id is not null
        and is_consented
        and allows_analytics
        and traffic is null

),

moment as (select max(as_of) as as_of from {{ ref('kindred', 'folds') }}),

final as (

    select
        users.user_id,
        users.account_id,
        users.role,
        accounts.plan,
        -- What is known of later than as_of counts for nothing.
        coalesce(accounts.cancelled_at < moment.as_of, false) as has_left,
        least(coalesce(accounts.cancelled_at, moment.as_of), moment.as_of) as known_until,
        users.invited_at,
        accounts.signed_up_at
    from users
    inner join accounts
        on users.account_id = accounts.account_id
    inner join people
        on users.user_id = people.identity_id
    inner join moment
        on users.invited_at < moment.as_of

)

select * from final
