-- one row per (user_id, rank): the features that a user is likely to want next, best first, and why
-- kindred's list: nothing that the user has used or that plan and role don't have. Places that are drawn at random to
-- learn from are no proposal.
with recommendations as (select * from {{ ref('kindred', 'recommendations') }} where generator <> 'exploration'),

users as (select * from {{ ref('product_users') }} where not has_left),

features as (select * from {{ ref('saas_items') }}),

final as (

    select
        users.user_id,
        cast(row_number() over (partition by users.user_id order by recommendations.rank) as bigint) as rank,
        users.account_id,
        recommendations.item_id as feature_id,
        features.title,
        recommendations.reason,
        because.title as because_title
    from recommendations
    inner join users
        on recommendations.user_id = users.user_id
    inner join features
        on recommendations.item_id = features.item_id
    left join features as because
        on recommendations.because_item_id = because.item_id
    qualify rank <= 3

)

select * from final
