-- one row per (fold, policy, user_id, item_id): candidates whose variant group has a better one for the same list
{{ config(materialized='ephemeral') }}

with variants as (

    select
        fold,
        item_id,
        variant_group
    from {{ ref('item_features') }}
    qualify count(*) over (partition by fold, variant_group) > 1

),

-- Pins are there first, then the best candidates, then what is popular.
final as (

    select
        candidates.fold,
        candidates.policy,
        candidates.user_id,
        candidates.item_id,
        row_number() over (
            partition by candidates.fold, candidates.policy, candidates.user_id, variants.variant_group
            order by
                candidates.pin_number nulls last,
                candidates.popular_rank nulls first,
                candidates.score desc,
                candidates.item_id
        ) as number_in_group
    from {{ ref('ruled_candidates') }} as candidates
    inner join variants
        on candidates.fold = variants.fold
            and candidates.item_id = variants.item_id
    qualify number_in_group > 1

)

select * from final
