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
        item_id,
        count(*) over (partition by fold, variant_group) > 1 as has_variants
    from {{ ref('item_features') }}

),

-- What could be kept out of somebody's list: 2 by a rule or a condition, 1 by another item of its variant group.
hindered as (

    select
        variants.fold,
        variants.item_id,
        max(case when item_rules.item_id is null and item_eligibility.item_id is null then 1 else 2 end) as strength
    from variants
    left join {{ ref('item_rules') }} as item_rules
        on variants.fold = item_rules.fold
            and variants.item_id = item_rules.item_id
            and item_rules.action in ('exclude', 'cap')
    left join {{ ref('item_eligibility') }} as item_eligibility
        on variants.item_id = item_eligibility.item_id
    where variants.has_variants
        or item_rules.item_id is not null
        or item_eligibility.item_id is not null
    group by
        variants.fold,
        variants.item_id

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
