-- one row per (fold, policy, generator, k, user_id): what the first k items of an evaluated list are like, hits or not
with evaluated_lists as (select * from {{ ref('evaluated_lists') }}),

evaluated_people as (select * from {{ ref('evaluated_people') }} where user_group = 'all'),

item_features as (select * from {{ ref('item_features') }}),

cuts as (select k from {{ ref('evaluated_cuts') }}),

people_per_fold as (

    select
        fold,
        count(*) as n_people
    from {{ ref('user_features') }}
    where n_items > 0
    group by fold

),

shown as (

    select
        evaluated_lists.fold,
        evaluated_lists.policy,
        evaluated_lists.generator,
        evaluated_lists.user_id,
        evaluated_lists.rank,
        item_features.category,
        -log(2, greatest(coalesce(item_features.n_users, 0), 1) / cast(people_per_fold.n_people as double)) as novelty,
        -- Items of the same kind above this one: the pairs that are alike, counted without joining the list to itself.
        count(item_features.category)
            over (
                partition by
                    evaluated_lists.fold,
                    evaluated_lists.policy,
                    evaluated_lists.generator,
                    evaluated_lists.user_id,
                    item_features.category
                order by evaluated_lists.rank
                rows between unbounded preceding and current row
            )
        - case when item_features.category is null then 0 else 1
        end as n_alike_above
    from evaluated_lists
    inner join evaluated_people
        on evaluated_lists.fold = evaluated_people.fold
            and evaluated_lists.user_id = evaluated_people.user_id
    left join item_features
        on evaluated_lists.fold = item_features.fold
            and evaluated_lists.item_id = item_features.item_id
    left join people_per_fold
        on evaluated_lists.fold = people_per_fold.fold

),

per_cut as (

    select
        shown.fold,
        shown.policy,
        shown.generator,
        cuts.k,
        shown.user_id,
        count(*) as n_shown,
        {{ kindred.exact_sum('shown.novelty', scale=12) }} / count(*) as novelty,
        sum(shown.n_alike_above) as n_alike_pairs,
        count(shown.category) as n_categorised
    from shown
    inner join cuts
        on shown.rank <= cuts.k
    group by
        shown.fold,
        shown.policy,
        shown.generator,
        cuts.k,
        shown.user_id

),

final as (

    select
        fold,
        policy,
        generator,
        k,
        user_id,
        novelty,
        case
            when n_shown > 1 and n_categorised > 0
                then 1 - 2 * n_alike_pairs / cast(n_shown * (n_shown - 1) as double)
        end as diversity
    from per_cut

)

select * from final
