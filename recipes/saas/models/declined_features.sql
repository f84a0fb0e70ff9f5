-- one row per (user_id, item_id): features that the user's plan or role doesn't have
-- A user may use a feature where each of its conditions is met; what isn't known is not met.
{{ config(materialized='ephemeral') }}

with users as (select * from {{ ref('product_users') }}),

conditions as (select * from {{ ref('kindred', 'item_conditions') }}),

answers as (select * from {{ ref('kindred', 'eligibility_answers') }}),

final as (

    select
        users.user_id,
        conditions.item_id
    from users
    cross join conditions
    left join answers
        on users.user_id = answers.user_id
            and conditions.rule_id = answers.rule_id
    where not coalesce(answers.is_met, false)
    group by
        users.user_id,
        conditions.item_id

)

select * from final
