-- one row per (fold, policy, generator, user_group, k): how the lists of a group spread over the catalogue
-- Exposure doesn't depend on targets, so it is measured for groups of people alone.
with evaluated_lists as (select * from {{ ref('evaluated_lists') }}),

evaluated_people as (select * from {{ ref('evaluated_people') }} where target_group = 'all'),

item_features as (select * from {{ ref('item_features') }} where is_recommendable),

cuts as (select k from {{ ref('evaluated_cuts') }}),

catalogues as (

    select
        fold,
        count(*) as n_items
    from item_features
    group by fold

),

group_sizes as (

    select
        fold,
        user_group,
        count(*) as n_users
    from evaluated_people
    group by
        fold,
        user_group

),

exposures as (

    select
        evaluated_lists.fold,
        evaluated_lists.policy,
        evaluated_lists.generator,
        evaluated_people.user_group,
        cuts.k,
        evaluated_lists.item_id,
        count(*) as n_shown
    from evaluated_lists
    inner join evaluated_people
        on evaluated_lists.fold = evaluated_people.fold
            and evaluated_lists.user_id = evaluated_people.user_id
    inner join cuts
        on evaluated_lists.rank <= cuts.k
    group by
        evaluated_lists.fold,
        evaluated_lists.policy,
        evaluated_lists.generator,
        evaluated_people.user_group,
        cuts.k,
        evaluated_lists.item_id

),

-- Position of an item among all items by rising exposure: those that nobody was shown come first.
positioned as (

    select
        exposures.*,
        catalogues.n_items,
        catalogues.n_items - row_number() over (
            partition by exposures.fold, exposures.policy, exposures.generator, exposures.user_group, exposures.k
            order by exposures.n_shown desc, exposures.item_id
        ) + 1 as place
    from exposures
    inner join catalogues
        on exposures.fold = catalogues.fold

),

final as (

    select
        positioned.fold,
        positioned.policy,
        positioned.generator,
        positioned.user_group,
        positioned.k,
        min(group_sizes.n_users) as n_users,
        count(*) / cast(min(positioned.n_items) as double) as coverage,
        sum((2 * positioned.place - positioned.n_items - 1) * positioned.n_shown)
        / (cast(min(positioned.n_items) as double) * sum(positioned.n_shown)) as gini
    from positioned
    inner join group_sizes
        on positioned.fold = group_sizes.fold
            and positioned.user_group = group_sizes.user_group
    group by
        positioned.fold,
        positioned.policy,
        positioned.generator,
        positioned.user_group,
        positioned.k

)

select * from final
