-- one row per (fold, policy, user_id, item_id): popular items for people of whose candidates rules might leave too few
{{ config(materialized='view') }}
{% set n = kindred.setting('lists', 'n_recommendations') | int %}

with people as (

    select
        person_policies.fold,
        person_policies.policy,
        person_policies.user_id,
        user_features.n_excluded_items
    from {{ ref('person_policies') }} as person_policies
    inner join {{ ref('user_features') }} as user_features
        on person_policies.fold = user_features.fold
            and person_policies.user_id = user_features.user_id

),

variants as (

    select
        fold,
        item_id
    from {{ ref('item_features') }}
    qualify count(*) over (partition by fold, variant_group) > 1

),

-- What could be kept out of somebody's list: 2 by a rule or a condition, 1 by another item of its variant group.
hindered as (

    select
        fold,
        item_id,
        max(strength) as strength
    from (
        select
            fold,
            item_id,
            2 as strength
        from {{ ref('item_rules') }}
        where action in ('exclude', 'cap')

        union all

        select
            folds.fold,
            item_eligibility.item_id,
            2 as strength
        from {{ ref('item_eligibility') }} as item_eligibility
        cross join {{ ref('folds') }} as folds

        union all

        select
            fold,
            item_id,
            1 as strength
        from variants
    ) as reasons
    group by
        fold,
        item_id

),

sure_counts as (

    select
        candidates.fold,
        candidates.policy,
        candidates.user_id,
        count(*) as n_sure
    from {{ ref('scored_candidates') }} as candidates
    left join hindered
        on candidates.fold = hindered.fold
            and candidates.item_id = hindered.item_id
    where hindered.item_id is null
    group by
        candidates.fold,
        candidates.policy,
        candidates.user_id

),

-- Each strength is numbered for itself: down to 2 n + what a history excludes there are n that are new to a list, so
-- that it stays short only where rules leave nothing.
popular_items as (

    select
        popular_items.fold,
        popular_items.item_id,
        popular_items.rank,
        row_number() over (
            partition by popular_items.fold, coalesce(hindered.strength, 0) order by popular_items.rank
        ) as depth
    from {{ ref('popular_items') }} as popular_items
    left join hindered
        on popular_items.fold = hindered.fold
            and popular_items.item_id = hindered.item_id
    where popular_items.generator = 'popular'
        and popular_items.segment = ''

),

final as (

    select
        people.fold,
        people.policy,
        people.user_id,
        popular_items.item_id,
        popular_items.rank as popular_rank
    from people
    left join sure_counts
        on people.fold = sure_counts.fold
            and people.policy = sure_counts.policy
            and people.user_id = sure_counts.user_id
    inner join popular_items
        on people.fold = popular_items.fold
            and popular_items.depth <= {{ 2 * n }} + people.n_excluded_items
    where coalesce(sure_counts.n_sure, 0) < {{ n }}

)

select * from final
