-- one row per user: how far the user has come in the onboarding of the own role, and what comes next
-- A step whose feature the user's plan or role doesn't have is no step of this user: it could never be done.
with steps as (select * from {{ ref('onboarding_steps') }}),

users as (select * from {{ ref('product_users') }} where not has_left),

firsts as (select * from {{ ref('feature_firsts') }}),

features as (select * from {{ ref('saas_items') }}),

declined as (select * from {{ ref('declined_features') }}),

taken as (

    select
        users.user_id,
        users.account_id,
        users.role,
        steps.step,
        steps.feature_id,
        features.title,
        firsts.user_id is not null as is_done,
        row_number() over (
            partition by users.user_id
            order by case when firsts.user_id is null then 0 else 1 end, steps.step
        ) as place
    from users
    inner join steps
        on users.role = steps.role
    inner join features
        on steps.feature_id = features.item_id
    left join firsts
        on users.user_id = firsts.user_id
            and steps.feature_id = firsts.feature_id
    left join declined
        on users.user_id = declined.user_id
            and steps.feature_id = declined.item_id
    where declined.user_id is null

),

final as (

    select
        user_id,
        account_id,
        role,
        cast(count(*) as bigint) as n_steps,
        cast(sum(case when is_done then 1 else 0 end) as bigint) as n_done,
        round(sum(case when is_done then 1 else 0 end) / cast(count(*) as double), 3) as share_done,
        max(case when place = 1 and not is_done then feature_id end) as next_feature_id,
        max(case when place = 1 and not is_done then title end) as next_title
    from taken
    group by
        user_id,
        account_id,
        role

)

select * from final
