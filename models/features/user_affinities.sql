-- one row per (fold, user_id): the categories, brands and prices that a person leans to
with liked as (

    select
        interactions.fold,
        interactions.user_id,
        interactions.weight,
        item_features.category,
        item_features.brand,
        item_features.price,
        item_features.price_percentile
    from {{ ref('interactions') }} as interactions
    inner join {{ ref('item_features') }} as item_features
        on interactions.fold = item_features.fold
            and interactions.item_id = item_features.item_id
    where interactions.weight > 0
        and (
            item_features.category is not null
            or item_features.brand is not null
            or item_features.price is not null
        )

),
{% for dimension in ['category', 'brand'] %}
{{ dimension }}_weights as (

    select
        fold,
        user_id,
        {{ dimension }},
        {{ kindred.exact_sum('weight') }} as weight
    from liked
    where {{ dimension }} is not null
    group by
        fold,
        user_id,
        {{ dimension }}

),

top_{{ dimension }} as (

    select
        fold,
        user_id,
        {{ dimension }},
        weight / sum(weight) over (
            partition by fold, user_id order by weight desc, {{ dimension }}
            rows between unbounded preceding and unbounded following
        ) as share
    from {{ dimension }}_weights
    qualify row_number() over (partition by fold, user_id order by weight desc, {{ dimension }}) = 1

),
{% endfor %}
prices as (

    select
        fold,
        user_id,
        {{ kindred.exact_sum('weight * price', scale=4) }} / {{ kindred.exact_sum('weight') }} as mean_price,
        {{ kindred.exact_sum('weight * price_percentile') }} / {{ kindred.exact_sum('weight') }} as price_affinity
    from liked
    where price is not null
    group by
        fold,
        user_id

),

people as (

    select
        fold,
        user_id
    from liked
    group by
        fold,
        user_id

),

final as (

    select
        people.fold,
        people.user_id,
        top_category.category as top_category,
        top_brand.brand as top_brand,
        cast(top_category.share as double) as top_category_share,
        cast(top_brand.share as double) as top_brand_share,
        cast(prices.mean_price as double) as mean_price,
        cast(prices.price_affinity as double) as price_affinity
    from people
    left join top_category
        on people.fold = top_category.fold
            and people.user_id = top_category.user_id
    left join top_brand
        on people.fold = top_brand.fold
            and people.user_id = top_brand.user_id
    left join prices
        on people.fold = prices.fold
            and people.user_id = prices.user_id

)

select * from final
