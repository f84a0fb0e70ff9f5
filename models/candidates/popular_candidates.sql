-- one row per (fold, generator, user_id, item_id): the head of the popular and trending lists that a person sees,
-- without the items that the person's history excludes
{% set n = var('kindred__n_recommendations') %}
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

list_heads as (select * from popular_items where rank <= {{ reach }}),

people_lists as (

    select
        people.fold,
        people.user_id,
        people.n_excluded_items,
        lists.generator,
        lists.segment
    from people
    inner join (
        select
            fold,
            generator,
            segment
        from popular_items
        where rank = 1
    ) as lists
        on people.fold = lists.fold
            and (lists.segment = people.segment or lists.segment = '')

),

excluded_heads as (

    select
        interactions.fold,
        interactions.user_id,
        list_heads.generator,
        list_heads.segment,
        list_heads.rank
    from {{ ref('interactions') }} as interactions
    inner join list_heads
        on interactions.fold = list_heads.fold
            and interactions.item_id = list_heads.item_id
    where interactions.is_excluded

),

excluded_counts as (

    select
        fold,
        user_id,
        generator,
        segment,
        count(*) as n_excluded
    from excluded_heads
    group by
        fold,
        user_id,
        generator,
        segment

),

-- As deep as a person has to read to be left with n items.
depths as (

    select
        people_lists.fold,
        people_lists.user_id,
        people_lists.generator,
        people_lists.segment,
        case
            when {{ n }} + coalesce(excluded_counts.n_excluded, 0) <= {{ reach }}
                then {{ n }} + coalesce(excluded_counts.n_excluded, 0)
            else {{ n }} + people_lists.n_excluded_items
        end as depth
    from people_lists
    left join excluded_counts
        on people_lists.fold = excluded_counts.fold
            and people_lists.user_id = excluded_counts.user_id
            and people_lists.generator = excluded_counts.generator
            and people_lists.segment = excluded_counts.segment

),

heads as (

    select
        depths.fold,
        depths.generator,
        depths.user_id,
        list_heads.item_id,
        list_heads.score,
        list_heads.rank
    from depths
    inner join list_heads
        on depths.fold = list_heads.fold
            and depths.generator = list_heads.generator
            and depths.segment = list_heads.segment
            and depths.depth >= list_heads.rank
    left join excluded_heads
        on depths.fold = excluded_heads.fold
            and depths.user_id = excluded_heads.user_id
            and depths.generator = excluded_heads.generator
            and depths.segment = excluded_heads.segment
            and list_heads.rank = excluded_heads.rank
    where excluded_heads.rank is null

),

-- The few who have been through nearly all of a list's head read on below it.
tails as (

    select
        depths.fold,
        depths.generator,
        depths.user_id,
        popular_items.item_id,
        popular_items.score,
        popular_items.rank
    from (select * from depths where depth > {{ reach }}) as depths
    inner join popular_items
        on depths.fold = popular_items.fold
            and depths.generator = popular_items.generator
            and depths.segment = popular_items.segment
            and depths.depth >= popular_items.rank
    left join {{ ref('interactions') }} as interactions
        on depths.fold = interactions.fold
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
        fold,
        generator,
        user_id,
        item_id,
        score,
        row_number() over (partition by fold, generator, user_id order by rank) as rank
    from unfolded

),

final as (

    select
        fold,
        generator,
        user_id,
        item_id,
        score,
        rank
    from numbered
    where rank <= {{ n }}

)

select * from final
