-- one row per (list_number, user_id, rank): an item near the top of a popular list that the person's history excludes
with popular_items as (select * from {{ ref('popular_items') }} where rank <= {{ kindred.popular_reach() }}),

lists as (select * from {{ ref('popular_lists') }}),

list_heads as (

    select
        lists.list_number,
        lists.fold,
        popular_items.item_id,
        popular_items.rank
    from popular_items
    inner join lists
        on popular_items.fold = lists.fold
            and popular_items.generator = lists.generator
            and popular_items.segment = lists.segment

),

final as (

    select
        list_heads.list_number,
        interactions.user_id,
        list_heads.rank
    from {{ ref('interactions') }} as interactions
    inner join list_heads
        on interactions.fold = list_heads.fold
            and interactions.item_id = list_heads.item_id
    where interactions.is_excluded

)

select * from final
