-- one row per (source, policy, period, user_id): the sums over a person's places and lists that estimators are made of
{{ config(enabled=kindred.has_experiments()) }}

{% set switch_weight = 10 %}
with evaluated_places as (select * from {{ ref('evaluated_places') }}),

reward_estimates as (select * from {{ ref('reward_estimates') }}),

expected_rewards as (select * from {{ ref('expected_rewards') }}),

means as (

    select
        source,
        policy,
        period,
        half,
        max(mean_reward) as mean_reward
    from reward_estimates
    group by
        source,
        policy,
        period,
        half

),

places as (

    select
        evaluated_places.*,
        coalesce(reward_estimates.estimate, means.mean_reward) as estimate,
        expected_rewards.expected_reward,
        expected_rewards.supported_share
    from evaluated_places
    left join reward_estimates
        on evaluated_places.source = reward_estimates.source
            and evaluated_places.policy = reward_estimates.policy
            and evaluated_places.period = reward_estimates.period
            and evaluated_places.half = reward_estimates.half
            and evaluated_places.rank = reward_estimates.rank
            and evaluated_places.item_id = reward_estimates.item_id
    left join means
        on evaluated_places.source = means.source
            and evaluated_places.policy = means.policy
            and evaluated_places.period = means.period
            and evaluated_places.half = means.half
    left join expected_rewards
        on evaluated_places.source = expected_rewards.source
            and evaluated_places.policy = expected_rewards.policy
            and evaluated_places.period = expected_rewards.period
            and evaluated_places.half = expected_rewards.half
            and evaluated_places.scope = expected_rewards.scope
            and evaluated_places.rank = expected_rewards.rank

),

by_list as (

    select
        source,
        policy,
        period,
        user_id,
        list_id,
        count(*) as n_places,
        count(expected_reward) as n_expected,
        {{ kindred.wide_sum('weight') }} as weights,
        {{ kindred.wide_sum('weight * reward') }} as ips,
        {{ kindred.wide_sum('expected_reward + weight * (reward - estimate)') }} as dr,
        {{ kindred.wide_sum(
            'expected_reward + case when weight <= ' ~ switch_weight ~ ' then weight * (reward - estimate) else 0 end'
        ) }} as switch_dr,
        {{ kindred.wide_sum('supported_share') }} as supported,
        max(case when is_last then list_weight end) as list_weights,
        {{ kindred.wide_sum('reward') }} * max(case when is_last then list_weight end) as sips,
        {{ kindred.wide_sum('list_weight * reward') }} as rips,
        {{ kindred.wide_sum('expected_reward + list_weight * (reward - estimate)') }} as cascade_dr
    from places
    group by
        source,
        policy,
        period,
        user_id,
        list_id

),

final as (

    select
        source,
        policy,
        period,
        user_id,
        count(*) as n_lists,
        cast(sum(n_places) as bigint) as n_places,
        cast(sum(n_expected) as bigint) as n_expected,
        {{ kindred.wide_sum('weights') }} as weights,
        {{ kindred.wide_sum('ips') }} as ips,
        {{ kindred.wide_sum('dr') }} as dr,
        {{ kindred.wide_sum('switch_dr') }} as switch_dr,
        {{ kindred.wide_sum('supported') }} as supported,
        {{ kindred.wide_sum('list_weights') }} as list_weights,
        {{ kindred.wide_sum('sips') }} as sips,
        {{ kindred.wide_sum('rips') }} as rips,
        {{ kindred.wide_sum('cascade_dr') }} as cascade_dr
    from by_list
    group by
        source,
        policy,
        period,
        user_id

)

select * from final
