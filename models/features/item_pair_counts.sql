-- one row per (item_id, other_item_id): two items that people bought together, and in how many baskets, item_id < other
{{ config(materialized='view') }}
{#- Fewer people prove nothing, however many baskets they have. -#}
{% set least_people = [3, kindred.setting('privacy', 'min_people')] | max %}

with baskets as (select * from {{ ref('counted_baskets') }}),

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
        baskets.user_number,
        baskets.basket_number,
        item_numbers.item_number
    from {{ ref('basket_items') }} as purchases
    inner join baskets
        on purchases.user_id = baskets.user_id
            and purchases.basket_id = baskets.basket_id
    inner join item_numbers
        on purchases.item_id = item_numbers.item_id

),

-- Items in fewer baskets than that can't be in a pair that is kept.
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
        having count(*) >= {{ least_people }}
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

pairs_of_people as (

    select
        one.item_number,
        other.item_number as other_number,
        one.user_number,
        count(*) as n_together
    from frequent_lines as one
    inner join frequent_lines as other
        on one.basket_number = other.basket_number
            and one.item_number < other.item_number
    group by
        one.item_number,
        other.item_number,
        one.user_number

),

pairs as (

    select
        item_number,
        other_number,
        cast(sum(n_together) as double) as n_together
    from pairs_of_people
    group by
        item_number,
        other_number
    having count(*) >= {{ least_people }}

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
