-- one row per (policy, list_id, user_id, rank): a seen place of kindred's own lists and its probabilities
{{ config(enabled=kindred.has_experiments()) }}

with list_outcomes as (select * from {{ ref('list_outcomes') }}),

earlier_lists as (select * from {{ ref('earlier_lists') }}),

shown_lists as (select * from {{ ref('shown_lists') }}),

own_items as (select * from {{ ref('own_items') }}),

by_policy as (

    select
        list_outcomes.list_id,
        list_outcomes.user_id,
        earlier_lists.rank,
        list_outcomes.item_id,
        shown_lists.policy,
        shown_lists.logging_policy,
        shown_lists.share,
        coalesce(own_items.propensity, 0) as propensity,
        case when list_outcomes.n_clicks > 0 then 1 else 0 end as reward,
        list_outcomes.shown_at
    from list_outcomes
    inner join earlier_lists
        on list_outcomes.list_id = earlier_lists.list_id
            and list_outcomes.item_id = earlier_lists.item_id
    inner join shown_lists
        on list_outcomes.list_id = shown_lists.list_id
    left join own_items
        on list_outcomes.list_id = own_items.list_id
            and shown_lists.policy = own_items.policy
            and earlier_lists.rank = own_items.rank
            and list_outcomes.item_id = own_items.item_id

),

-- Places of one list hang together: what the arms would have made of its top is weighed as a whole.
from_the_top as (

    select
        *,
        case
            when min(propensity)
                    over (
                        partition by list_id, user_id, policy order by rank rows unbounded preceding
                    )
                = 0 then 0
            else exp(sum(ln(nullif(propensity, 0))) over (
                    partition by list_id, user_id, policy order by rank rows unbounded preceding
                ))
        end as top_propensity
    from by_policy

),

mixed as (

    select
        *,
        {{ kindred.wide_sum('share', scale=15, over='partition by list_id, user_id, rank') }} as shares,
        {{ kindred.wide_sum('share * propensity', scale=15, over='partition by list_id, user_id, rank') }}
            as logged_propensity,
        {{ kindred.wide_sum('share * top_propensity', scale=25, over='partition by list_id, user_id, rank') }}
            as logged_top_propensity
    from from_the_top

),

final as (

    select
        policy,
        list_id,
        user_id,
        rank,
        item_id,
        logging_policy,
        logged_propensity as propensity,
        propensity as evaluated_propensity,
        cast(top_propensity / nullif(logged_top_propensity, 0) as double) as list_weight,
        cast(reward as double) as reward,
        shown_at,
        case
            when abs(shares - 1) > 1e-6
                then 'shares of the arms are not known: arm_shares has none of that build for an arm of the experiment'
            when logged_propensity < 1e-9 or logged_top_propensity < 1e-20
                then 'propensity is 0: policy_lists has no list of that build in which the item stands at this place'
        end as problem
    from mixed

)

select * from final
