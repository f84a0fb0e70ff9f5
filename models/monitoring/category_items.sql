-- one row per (category, item_id): the items that lists may name, with the set of their conditions
-- Each item counts among all, category '', and in its own.
{{ config(materialized='ephemeral') }}

with items as (

    select
        item_id,
        '' as category
    from {{ ref('item_features') }}
    where fold = 'live'
        and is_recommendable

    union all

    select
        item_id,
        category
    from {{ ref('item_features') }}
    where fold = 'live'
        and is_recommendable
        and category is not null

),

final as (

    select
        items.category,
        items.item_id,
        item_eligibility.eligibility
    from items
    left join {{ ref('item_eligibility') }} as item_eligibility
        on items.item_id = item_eligibility.item_id

)

select * from final
