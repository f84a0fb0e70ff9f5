-- one row per (fold, generator, user_id, item_id): the head of the popular and trending lists that a person sees,
-- without the items that the person's history excludes
{% set n = kindred.setting('lists', 'n_recommendations') | int %}
{% set reach = kindred.popular_reach() %}

with popular_items as (select * from {{ ref('popular_items') }}),

lists as (select * from {{ ref('popular_lists') }}),

exclusions as (select * from {{ ref('popular_exclusions') }}),

depths as (select * from {{ ref('popular_depths') }}),

list_heads as (

    select
        lists.list_number,
        lists.fold,
        popular_items.item_id,
        popular_items.score,
        popular_items.rank
    from popular_items
    inner join lists
        on popular_items.fold = lists.fold
            and popular_items.generator = lists.generator
            and popular_items.segment = lists.segment
    where popular_items.rank <= {{ reach }}

),

heads as (

    select
        depths.list_number,
        depths.user_id,
        list_heads.item_id,
        list_heads.score,
        list_heads.rank
    from depths
    inner join list_heads
        on depths.list_number = list_heads.list_number
            and depths.depth >= list_heads.rank
    left join exclusions
        on depths.list_number = exclusions.list_number
            and depths.user_id = exclusions.user_id
            and list_heads.rank = exclusions.rank
    where exclusions.rank is null

),

-- The few who have been through nearly all of a list's head read on below it.
tails as (

    select
        depths.list_number,
        depths.user_id,
        popular_items.item_id,
        popular_items.score,
        popular_items.rank
    from (select * from depths where depth > {{ reach }}) as depths
    inner join lists
        on depths.list_number = lists.list_number
    inner join popular_items
        on lists.fold = popular_items.fold
            and lists.generator = popular_items.generator
            and lists.segment = popular_items.segment
            and depths.depth >= popular_items.rank
    left join {{ ref('interactions') }} as interactions
        on lists.fold = interactions.fold
            and depths.user_id = interactions.user_id
            and popular_items.item_id = interactions.item_id
            and interactions.is_excluded
    where popular_items.rank > {{ reach }}
        and interactions.item_id is null

),

unfolded as (

    select * from heads
    union all
    select * from tails

),

-- A count of rows, not row_number: with that, DuckDB 2.0 keeps the first n of each group in an aggregate, which for
-- 1.4 million lists wrote 66 GB to the disk.
numbered as (

    select
        list_number,
        user_id,
        item_id,
        score,
        count(*) over (
            partition by list_number, user_id order by rank rows between unbounded preceding and current row
        ) as rank
    from unfolded

),

final as (

    select
        lists.fold,
        lists.generator,
        numbered.user_id,
        numbered.item_id,
        numbered.score,
        numbered.rank
    from numbered
    inner join lists
        on numbered.list_number = lists.list_number
    where numbered.rank <= {{ n }}

)

select * from final
