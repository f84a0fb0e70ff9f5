-- one row per (fold, policy, user_id, item_id): what may stand on one list: caps kept, one of each variant group
-- Any choice of items of stage 0 keeps every cap and has one item of a variant group, so ranked may order and draw as
-- it likes. Stage 1 is twins: items whose group has a better one, for lists that nothing else can fill.
{{ config(materialized='view') }}

with twins as (select * from {{ ref('variant_twins') }}),

-- A pinned item counts, and stands even where there are more of them than a cap allows.
over_cap as (

    select
        candidates.fold,
        candidates.policy,
        candidates.user_id,
        candidates.item_id,
        item_rules.amount,
        row_number() over (
            partition by
                candidates.fold,
                candidates.policy,
                candidates.user_id,
                item_rules.rule_id,
                item_rules.counted_as
            order by
                candidates.pin_number nulls last,
                case when twins.item_id is null then 0 else 1 end,
                candidates.popular_rank nulls first,
                candidates.score desc,
                candidates.item_id
        ) as number_in_cap
    from {{ ref('ruled_candidates') }} as candidates
    inner join {{ ref('item_rules') }} as item_rules
        on candidates.fold = item_rules.fold
            and candidates.item_id = item_rules.item_id
            and item_rules.action = 'cap'
    inner join {{ ref('user_features') }} as people
        on candidates.fold = people.fold
            and candidates.user_id = people.user_id
            and {{ kindred.rule_is_for('people', policy='candidates.policy') }}
    left join twins
        on candidates.fold = twins.fold
            and candidates.policy = twins.policy
            and candidates.user_id = twins.user_id
            and candidates.item_id = twins.item_id
    qualify number_in_cap > item_rules.amount

),

-- An item may be over two caps.
kept_out as (

    select
        fold,
        policy,
        user_id,
        item_id
    from over_cap
    group by
        fold,
        policy,
        user_id,
        item_id

),

final as (

    select
        candidates.fold,
        candidates.policy,
        candidates.user_id,
        candidates.item_id,
        candidates.generator,
        candidates.score,
        candidates.pin_number,
        candidates.pinned_rank,
        candidates.popular_rank,
        case when twins.item_id is null or candidates.pin_number is not null then 0 else 1 end as stage
    from {{ ref('ruled_candidates') }} as candidates
    left join twins
        on candidates.fold = twins.fold
            and candidates.policy = twins.policy
            and candidates.user_id = twins.user_id
            and candidates.item_id = twins.item_id
    left join kept_out
        on candidates.fold = kept_out.fold
            and candidates.policy = kept_out.policy
            and candidates.user_id = kept_out.user_id
            and candidates.item_id = kept_out.item_id
    where kept_out.item_id is null
        or candidates.pin_number is not null

)

select * from final
