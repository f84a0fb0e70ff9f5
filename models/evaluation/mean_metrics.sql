-- one row per (fold, policy, generator, user_group, metric, k): means over people and their standard errors
{{ config(materialized='view') }}

with person_metrics as (select * from {{ ref('person_metrics') }}),

evaluated_people as (select * from {{ ref('evaluated_people') }}),

-- All generators are evaluated on the same people, so a person's own difference says more than that of two means: some
-- people are hard to predict for every generator.
of_blend as (select * from {{ ref('person_metrics') }} where generator = 'blend'),

sums as (

    select
        person_metrics.fold,
        person_metrics.policy,
        person_metrics.generator,
        evaluated_people.user_group,
        person_metrics.metric,
        person_metrics.k,
        count(*) as n_users,
        {{ kindred.exact_sum('person_metrics.value', scale=15) }} as total,
        {{ kindred.exact_sum('person_metrics.value * person_metrics.value', scale=14) }} as total_of_squares,
        count(of_blend.value) as n_compared,
        {{ kindred.exact_sum('of_blend.value - person_metrics.value', scale=15) }} as leads,
        {{ kindred.exact_sum(
            '(of_blend.value - person_metrics.value) * (of_blend.value - person_metrics.value)', scale=14
        ) }} as squared_leads
    from person_metrics
    inner join evaluated_people
        on person_metrics.fold = evaluated_people.fold
            and person_metrics.target_group = evaluated_people.target_group
            and person_metrics.user_id = evaluated_people.user_id
    left join of_blend
        on person_metrics.fold = of_blend.fold
            and person_metrics.policy = of_blend.policy
            and person_metrics.target_group = of_blend.target_group
            and person_metrics.k = of_blend.k
            and person_metrics.user_id = of_blend.user_id
            and person_metrics.metric = of_blend.metric
    group by
        person_metrics.fold,
        person_metrics.policy,
        person_metrics.generator,
        evaluated_people.user_group,
        person_metrics.metric,
        person_metrics.k

),

final as (

    select
        fold,
        policy,
        generator,
        user_group,
        metric,
        k,
        total / n_users as value,
        case
            when n_users > 1
                then sqrt(greatest(total_of_squares - total * total / n_users, 0) / (n_users - 1) / n_users)
        end as standard_error,
        n_users,
        leads / nullif(n_compared, 0) as lead_of_recommendations,
        case
            when n_compared > 1
                then sqrt(greatest(squared_leads - leads * leads / n_compared, 0) / (n_compared - 1) / n_compared)
        end as lead_standard_error
    from sums

)

select * from final
