-- one row per (fold, policy, user_id, item_id): candidates after the rules, with pins and fillers
-- depends_on: {{ ref('checked_policies') }}, {{ ref('item_features') }}, {{ ref('passed_over_items') }}
{% set is_fresh = kindred.some_policy_has('freshness') %}
{% set is_tiring = kindred.some_policy_has('fatigue') %}
{%- set factors = ['effects'] + (['fresh_items'] if is_fresh else []) + (['tiring_items'] if is_tiring else []) %}

-- Few candidates are under a rule: these joins work on those alone. Factors multiply as their logarithms add up.
with effects as (

    select
        candidates.fold,
        candidates.policy,
        candidates.user_id,
        candidates.item_id,
        max(case when item_rules.action = 'exclude' then 1 else 0 end) = 1 as is_excluded,
        round(exp({{ kindred.exact_sum(
            "case when item_rules.action in ('boost', 'bury') then ln(item_rules.amount) else 0 end", scale=12
        ) }}), 9) as factor
    from {{ ref('scored_candidates') }} as candidates
    inner join {{ ref('item_rules') }} as item_rules
        on candidates.fold = item_rules.fold
            and candidates.item_id = item_rules.item_id
    inner join {{ ref('user_features') }} as people
        on candidates.fold = people.fold
            and candidates.user_id = people.user_id
            and {{ kindred.rule_is_for('people', policy='candidates.policy') }}
    where item_rules.action in ('exclude', 'boost', 'bury')
    group by
        candidates.fold,
        candidates.policy,
        candidates.user_id,
        candidates.item_id

),

{% if is_fresh %}
-- What the score of a new item is multiplied by.
fresh_items as (

    select
        item_features.fold,
        policies.policy,
        item_features.item_id,
        1 + policies.freshness * power(0.5, item_features.age_days / {{ var('kindred__horizon_days') }}) as factor
    from {{ ref('item_features') }} as item_features
    cross join {{ ref('checked_policies') }} as policies
    where policies.freshness > 0
        and item_features.age_days is not null

),
{% endif %}
{% if is_tiring %}
-- Impression discounting (Lee et al., KDD 2014): each visit on which an item was shown in vain takes a share.
tiring_items as (

    select
        passed_over_items.fold,
        policies.policy,
        passed_over_items.user_id,
        passed_over_items.item_id,
        power(1 - policies.fatigue, passed_over_items.n_visits) as factor
    from {{ ref('passed_over_items') }} as passed_over_items
    cross join {{ ref('checked_policies') }} as policies
    where policies.fatigue > 0

),
{% endif %}
final as (

    select
        candidates.fold,
        candidates.policy,
        candidates.user_id,
        candidates.item_id,
        candidates.generator,
        -- Rounded: the last bits of a power differ from machine to machine, and would decide ties.
        case
            when {% for name in factors %}{{ name }}.factor is null{{ " and " if not loop.last }}{% endfor %}
                then candidates.score
            else round(candidates.score{% for name in factors %} * coalesce({{ name }}.factor, 1){% endfor %}, 15)
        end as score,
        added.pin_number,
        added.pinned_rank,
        cast(null as bigint) as popular_rank
    from {{ ref('scored_candidates') }} as candidates
    left join effects
        on candidates.fold = effects.fold
            and candidates.policy = effects.policy
            and candidates.user_id = effects.user_id
            and candidates.item_id = effects.item_id
    left join {{ ref('added_candidates') }} as added
        on candidates.fold = added.fold
            and candidates.policy = added.policy
            and candidates.user_id = added.user_id
            and candidates.item_id = added.item_id
    {%- if is_fresh %}
    left join fresh_items
        on candidates.fold = fresh_items.fold
            and candidates.policy = fresh_items.policy
            and candidates.item_id = fresh_items.item_id
    {%- endif %}
    {%- if is_tiring %}
    left join tiring_items
        on candidates.fold = tiring_items.fold
            and candidates.policy = tiring_items.policy
            and candidates.user_id = tiring_items.user_id
            and candidates.item_id = tiring_items.item_id
    {%- endif %}
    where not coalesce(effects.is_excluded, false)

    union all

    select
        added.fold,
        added.policy,
        added.user_id,
        added.item_id,
        case when added.pin_number is null then 'popular' else 'pinned' end as generator,
        cast(0 as double) as score,
        added.pin_number,
        added.pinned_rank,
        added.popular_rank
    from {{ ref('added_candidates') }} as added
    left join {{ ref('scored_candidates') }} as candidates
        on added.fold = candidates.fold
            and added.policy = candidates.policy
            and added.user_id = candidates.user_id
            and added.item_id = candidates.item_id
    where candidates.item_id is null

)

select * from final
