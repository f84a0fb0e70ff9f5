-- one row per (item_id, other_item_id): two items that people bought together, and in how many baskets, item_id < other
-- All joins and groups are on numbers: at millions of pairs the ids of baskets and items would be the larger part.
{{ config(materialized='view') }}
{#- Fewer baskets prove nothing; a larger basket is a wholesaler's or a script's, and n items make n^2 / 2 pairs. -#}
{% set least_baskets, most_items = 3, 100 %}

with baskets as (

    select
        user_id,
        basket_id,
        row_number() over (order by user_id, basket_id) as basket_number
    from {{ ref('basket_items') }}
    group by
        user_id,
        basket_id
    having count(*) <= {{ most_items }}

),

n_baskets as (select cast(count(*) as double) as n_baskets from baskets),

item_numbers as (

    select
        item_id,
        row_number() over (order by item_id) as item_number
    from {{ ref('basket_items') }}
    group by item_id

),

lines as (

    select
        baskets.basket_number,
        item_numbers.item_number
    from {{ ref('basket_items') }} as purchases
    inner join baskets
        on purchases.user_id = baskets.user_id
            and purchases.basket_id = baskets.basket_id
    inner join item_numbers
        on purchases.item_id = item_numbers.item_id

),

-- Items in so few baskets can't be in a pair that is kept.
items as (

    select
        item_numbers.item_id,
        item_counts.*
    from (
        select
            item_number,
            cast(count(*) as double) as n_baskets
        from lines
        group by item_number
        having count(*) >= {{ least_baskets }}
    ) as item_counts
    inner join item_numbers
        on item_counts.item_number = item_numbers.item_number

),

frequent_lines as (

    select lines.*
    from lines
    inner join items
        on lines.item_number = items.item_number

),

pairs as (

    select
        one.item_number,
        other.item_number as other_number,
        cast(count(*) as double) as n_together
    from frequent_lines as one
    inner join frequent_lines as other
        on one.basket_number = other.basket_number
            and one.item_number < other.item_number
    group by
        one.item_number,
        other.item_number
    having count(*) >= {{ least_baskets }}

),

final as (

    select
        item.item_id,
        other_item.item_id as other_item_id,
        pairs.n_together,
        item.n_baskets,
        other_item.n_baskets as n_other_baskets,
        n_baskets.n_baskets as n_all_baskets
    from pairs
    inner join items as item
        on pairs.item_number = item.item_number
    inner join items as other_item
        on pairs.other_number = other_item.item_number
    cross join n_baskets

)

select * from final
