-- one row per (fold, generator, user_id, item_id): the head of the popular and trending lists that a person sees,
-- without the items that the person's history excludes
{% set n = kindred.setting('lists', 'n_recommendations') %}
{#- So far down a list a person's exclusions are counted before anything is unfolded: it keeps this model small. -#}
{% set reach = 10 * n %}

with people as (

    select
        fold,
        user_id,
        segment,
        n_excluded_items
    from {{ ref('user_features') }}

),

popular_items as (select * from {{ ref('popular_items') }}),

-- A number for each list: joins over millions of rows then compare one integer instead of three texts.
lists as (

    select
        fold,
        generator,
        segment,
        row_number() over (order by fold, generator, segment) as list_number
    from popular_items
    where rank = 1

),

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

people_lists as (

    select
        lists.list_number,
        people.user_id,
        people.n_excluded_items
    from people
    inner join lists
        on people.fold = lists.fold
            and (people.segment = lists.segment or lists.segment = '')

),

-- Each exclusion within reach.
excluded_heads as (

    select
        list_heads.list_number,
        interactions.user_id,
        list_heads.rank
    from {{ ref('interactions') }} as interactions
    inner join list_heads
        on interactions.fold = list_heads.fold
            and interactions.item_id = list_heads.item_id
    where interactions.is_excluded

),

excluded_counts as (

    select
        list_number,
        user_id,
        count(*) as n_excluded
    from excluded_heads
    group by
        list_number,
        user_id

),

-- As deep as a person has to read to be left with n items.
depths as (

    select
        people_lists.list_number,
        people_lists.user_id,
        case
            when {{ n }} + coalesce(excluded_counts.n_excluded, 0) <= {{ reach }}
                then {{ n }} + coalesce(excluded_counts.n_excluded, 0)
            else {{ n }} + people_lists.n_excluded_items
        end as depth
    from people_lists
    left join excluded_counts
        on people_lists.list_number = excluded_counts.list_number
            and people_lists.user_id = excluded_counts.user_id

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
    left join excluded_heads
        on depths.list_number = excluded_heads.list_number
            and depths.user_id = excluded_heads.user_id
            and list_heads.rank = excluded_heads.rank
    where excluded_heads.rank is null

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

numbered as (

    select
        list_number,
        user_id,
        item_id,
        score,
        row_number() over (partition by list_number, user_id order by rank) as rank
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
