-- one row per (source, policy, period, half, scope, rank): the reward to expect where the policy chooses the item
{{ config(enabled=kindred.has_experiments()) }}

with items as (select * from {{ ref('evaluated_items') }}),

places as (

    select
        source,
        policy,
        period,
        half,
        scope,
        rank
    from {{ ref('evaluated_places') }}
    group by
        source,
        policy,
        period,
        half,
        scope,
        rank

),

reward_estimates as (select * from {{ ref('reward_estimates') }}),

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

-- What a foreign log never shows at a place its policy is taken to be unable to show there.
shown as (

    select
        source,
        policy,
        period,
        rank,
        item_id
    from reward_estimates
    group by
        source,
        policy,
        period,
        rank,
        item_id

),

final as (

    select
        places.source,
        places.policy,
        places.period,
        places.half,
        places.scope,
        places.rank,
        {{ kindred.wide_sum('items.propensity * coalesce(reward_estimates.estimate, means.mean_reward)', scale=15) }}
            as expected_reward,
        {{ kindred.wide_sum(
            'case when coalesce(items.logged_propensity > 0, shown.item_id is not null) then items.propensity else 0 end',
            scale=15
        ) }} as supported_share
    from places
    inner join items
        on places.source = items.source
            and places.policy = items.policy
            and places.scope = items.scope
            and places.rank = items.rank
    inner join means
        on places.source = means.source
            and places.policy = means.policy
            and places.period = means.period
            and places.half = means.half
    left join reward_estimates
        on places.source = reward_estimates.source
            and places.policy = reward_estimates.policy
            and places.period = reward_estimates.period
            and places.half = reward_estimates.half
            and places.rank = reward_estimates.rank
            and items.item_id = reward_estimates.item_id
    left join shown
        on places.source = shown.source
            and places.policy = shown.policy
            and places.period = shown.period
            and places.rank = shown.rank
            and items.item_id = shown.item_id
    group by
        places.source,
        places.policy,
        places.period,
        places.half,
        places.scope,
        places.rank

)

select * from final
