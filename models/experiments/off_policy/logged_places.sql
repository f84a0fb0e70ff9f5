-- one row per (source, policy, list_id, user_id, rank): a place that was shown, and the policy's weight of it
-- A row that can't be used has a problem; repeated ones have the key of the row that counts.
{{ config(enabled=kindred.has_experiments()) }}

with places as (

    select
        'foreign' as source,
        policy,
        list_id,
        user_id,
        rank,
        item_id,
        scope,
        logging_policy,
        propensity,
        evaluated_propensity,
        cast(null as double) as list_weight,
        reward,
        problem,
        is_repeated,
        rejected_text,
        shown_at
    from {{ ref('checked_foreign_places') }}

    union all

    select
        'own' as source,
        policy,
        list_id,
        user_id,
        rank,
        item_id,
        list_id as scope,
        logging_policy,
        propensity,
        evaluated_propensity,
        list_weight,
        reward,
        problem,
        false as is_repeated,
        cast(null as varchar) as rejected_text,
        shown_at
    from {{ ref('own_places') }}

),

-- Without one of its places a list has another weight.
completed as (

    select
        places.*,
        case
            when places.problem is not null then places.problem
            when max(case when places.problem is not null and not places.is_repeated then 1 else 0 end)
                    over (partition by places.source, places.policy, places.list_id, places.user_id)
                = 1
                then 'another place of its list can''t be used: correct that one'
        end as first_problem
    from places

),

-- Weights of a billion and more count as a billion: is_reliable of policy_values says no long before.
weighted as (

    select
        *,
        case when first_problem is null then least(evaluated_propensity / propensity, 1e9) end as weight,
        first_problem is null as is_usable
    from completed

),

final as (

    select
        source,
        policy,
        list_id,
        user_id,
        rank,
        item_id,
        scope,
        logging_policy,
        propensity,
        evaluated_propensity,
        weight,
        case
            when first_problem is not null then null
            when list_weight is not null then least(list_weight, 1e9)
            when min(weight)
                    over (
                        partition by source, policy, list_id, user_id, is_usable order by rank rows unbounded preceding
                    )
                = 0 then 0
            else least(exp(least(sum(ln(nullif(weight, 0))) over (
                    partition by source, policy, list_id, user_id, is_usable order by rank rows unbounded preceding
                ), 40)), 1e9)
        end as list_weight,
        reward,
        first_problem is null
        and row_number() over (
            partition by source, policy, list_id, user_id, is_usable order by rank desc
        ) = 1 as is_last,
        first_problem as problem,
        rejected_text,
        shown_at
    from weighted

)

select * from final
