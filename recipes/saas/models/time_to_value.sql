-- one row per (kind, entity_id): days from the invitation or sign-up to the first use of the feature that marks value
-- kind: user or account, of which the first user counts. Where has_value is false, days is how long there was none:
-- until now, or until the account left. Never average them: value_medians takes them into account.
with users as (select * from {{ ref('product_users') }}),

firsts as (select * from {{ ref('feature_firsts') }} where feature_id = '{{ var("value_feature") }}'),

of_users as (

    select
        users.user_id,
        users.account_id,
        users.plan,
        users.invited_at,
        users.signed_up_at,
        users.known_until,
        firsts.first_used_at
    from users
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
