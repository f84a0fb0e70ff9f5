-- one row per (source, policy, period, half, rank, item_id): its expected reward, learned from the other half
{{ config(enabled=kindred.has_experiments()) }}

with shown as (

    select
        source,
        policy,
        period,
        case when half = 'a' then 'b' else 'a' end as half,
        rank,
        item_id,
        count(*) as n_places,
        {{ kindred.wide_sum('reward') }} as rewards
    from {{ ref('evaluated_places') }}
    group by
        source,
        policy,
        period,
        half,
        rank,
        item_id

),

averaged as (

    select
        *,
        {{ kindred.wide_sum('rewards', over='partition by source, policy, period, half') }}
        / sum(n_places) over (partition by source, policy, period, half) as mean_reward
    from shown

),

-- An item that was shown rarely leans on the mean, worth 100 places.
final as (

    select
        source,
        policy,
        period,
        half,
        rank,
        item_id,
        cast(n_places as bigint) as n_places,
        mean_reward,
        (rewards + 100 * mean_reward) / (n_places + 100) as estimate
    from averaged

)

select * from final
