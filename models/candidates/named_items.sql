-- one row per (fold, name, item_id): the items of each category and brand, by popularity and by newness
{{ config(materialized='view') }}

with -- New = arrived within the last horizon.
named as (

    {% for name in ['category', 'brand'] %}
    select
        popular_items.fold,
        popular_items.item_id,
        popular_items.rank,
        case
            when item_features.age_days < {{ var('kindred__horizon_days') }} then item_features.age_days
        end as newness,
        lower(trim(item_features.{{ name }})) as name
    from {{ ref('popular_items') }} as popular_items
    inner join {{ ref('item_features') }} as item_features
        on popular_items.fold = item_features.fold
            and popular_items.item_id = item_features.item_id
    where popular_items.generator = 'popular'
        and item_features.{{ name }} is not null
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

final as (

    select
        *,
        row_number() over (partition by fold, name order by rank) as place,
        row_number() over (partition by fold, name order by newness nulls last, rank) as new_place
    from named

)

select * from final
