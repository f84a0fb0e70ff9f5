-- one row per feature: how many users and accounts that have not left have adopted it, of those that may use it
-- An account has adopted a feature with two of its users, or with its only one. The module's figures are kindred's own,
-- of everybody who was ever there.
with features as (select * from {{ ref('saas_items') }} where is_available),

users as (select * from {{ ref('product_users') }} where not has_left),

firsts as (select * from {{ ref('feature_firsts') }}),

declined as (select * from {{ ref('declined_features') }}),

modules as (select * from {{ ref('kindred', 'adoption') }} where segment = ''),

pairs as (

    select
        users.account_id,
        users.user_id,
        features.item_id,
        firsts.user_id is not null as has_adopted
    from users
    cross join features
    left join declined
        on users.user_id = declined.user_id
            and features.item_id = declined.item_id
    left join firsts
        on users.user_id = firsts.user_id
            and features.item_id = firsts.feature_id
    where declined.user_id is null

),

by_account as (

    select
        account_id,
        item_id,
        count(*) as n_users,
        sum(case when has_adopted then 1 else 0 end) as n_adopters
    from pairs
    group by
        account_id,
        item_id

),

final as (

    select
        features.item_id as feature_id,
        features.title,
        features.category as module,
        cast(sum(by_account.n_users) as bigint) as n_users,
        cast(sum(by_account.n_adopters) as bigint) as n_adopters,
        round(sum(by_account.n_adopters) / cast(sum(by_account.n_users) as double), 4) as adoption,
        count(*) as n_accounts,
        cast(sum(
            case
                when by_account.n_adopters >= least(by_account.n_users, {{ var('adopted_by_users') }}) then 1
                else 0
            end
        ) as bigint) as n_adopting_accounts,
        round(avg(by_account.n_adopters / cast(by_account.n_users as double)), 4) as mean_share_of_account,
        round(min(modules.adoption), 4) as module_adoption,
        min(modules.median_days_to_value) as module_median_days
    from features
    inner join by_account
        on features.item_id = by_account.item_id
    left join modules
        on features.category = modules.feature
    group by
        features.item_id,
        features.title,
        features.category

)

select * from final
