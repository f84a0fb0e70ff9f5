-- one row per (user_id, basket_id): the baskets that count for pairs of items, numbered
-- Joins and groups over millions of pairs then work on numbers.
{#- A larger basket is a wholesaler's or a script's, and n items make n^2 / 2 pairs. -#}
{% set most_items = 100 %}

with all_baskets as (

    select
        user_id,
        basket_id,
        max(bought_at) as bought_at
    from {{ ref('basket_items') }}
    group by
        user_id,
        basket_id
    having count(*) <= {{ most_items }}

),

-- One person's baskets are alike: the newest few stand for all, however many there are.
final as (

    select
        user_id,
        basket_id,
        dense_rank() over (order by user_id) as user_number,
        row_number() over (order by user_id, basket_id) as basket_number
    from (
        select *
        from all_baskets
        qualify
            row_number() over (partition by user_id order by bought_at desc, basket_id)
            <= {{ kindred.setting('traffic', 'max_events_per_person') }}
    ) as newest

)

select * from final
