-- one row per (kind, entity_id): days from the invitation or sign-up to the first use of the feature that marks value
-- kind: user or account, of which the first user counts. Where has_value is false, days is how long it has been waited for
-- in vain: until now, or until the account left. Never average them: value_medians takes them into account.
with users as (select * from {{ source('raw', 'users') }}),

accounts as (select * from {{ source('raw', 'accounts') }}),

firsts as (select * from {{ ref('feature_firsts') }} where feature_id = '{{ var("value_feature") }}'),

known as (select * from {{ ref('kindred', 'identities') }} where user_id is not null and allows_analytics),

moment as (select max(as_of) as as_of from {{ ref('kindred', 'folds') }}),

of_users as (

    select
        users.user_id,
        users.account_id,
        accounts.plan,
        users.invited_at,
        accounts.signed_up_at,
        firsts.first_used_at,
        least(coalesce(accounts.cancelled_at, moment.as_of), moment.as_of) as known_until
    from users
    inner join accounts
        on users.account_id = accounts.account_id
    inner join known
        on users.user_id = known.identity_id
    inner join moment
        on users.invited_at < moment.as_of
    left join firsts
        on users.user_id = firsts.user_id

),

spans as (

    select
        'user' as kind,
        user_id as entity_id,
        account_id,
        plan,
        invited_at as began_at,
        first_used_at as valued_at,
        known_until
    from of_users

    union all

    select
        'account' as kind,
        account_id as entity_id,
        account_id,
        plan,
        min(signed_up_at) as began_at,
        min(first_used_at) as valued_at,
        min(known_until) as known_until
    from of_users
    group by
        account_id,
        plan

),

final as (

    select
        kind,
        entity_id,
        account_id,
        plan,
        valued_at is not null as has_value,
        round({{ kindred.days_between('began_at', 'coalesce(valued_at, known_until)') }}, 3) as days,
        began_at,
        valued_at
    from spans

)

select * from final
