-- one row per (list_id, policy, rank, item_id): what policies could have put at seen places of kindred's own lists
{{ config(enabled=kindred.has_experiments()) }}

with shown_lists as (select * from {{ ref('shown_lists') }}),

earlier_policy_lists as (select * from {{ ref('earlier_policy_lists') }}),

seen as (

    select
        earlier_lists.list_id,
        earlier_lists.rank
    from {{ ref('earlier_lists') }} as earlier_lists
    inner join {{ ref('list_outcomes') }} as list_outcomes
        on earlier_lists.list_id = list_outcomes.list_id
            and earlier_lists.item_id = list_outcomes.item_id
    group by
        earlier_lists.list_id,
        earlier_lists.rank

),

final as (

    select
        shown_lists.list_id,
        shown_lists.policy,
        earlier_policy_lists.rank,
        earlier_policy_lists.item_id,
        earlier_policy_lists.propensity,
        {{ kindred.wide_sum(
            'shown_lists.share * earlier_policy_lists.propensity', scale=15,
            over='partition by shown_lists.list_id, earlier_policy_lists.rank, earlier_policy_lists.item_id'
        ) }} as logged_propensity
    from shown_lists
    inner join earlier_policy_lists
        on shown_lists.run_id = earlier_policy_lists.run_id
            and shown_lists.user_id = earlier_policy_lists.user_id
            and shown_lists.policy = earlier_policy_lists.policy
    inner join seen
        on shown_lists.list_id = seen.list_id
            and earlier_policy_lists.rank = seen.rank

)

select * from final
