-- one row per (list_id, policy): a shown list of which all policies' lists are known, and each policy's share in it
{{ config(enabled=kindred.has_experiments()) }}

with policies as (

    select
        run_id,
        user_id,
        policy
    from {{ ref('earlier_policy_lists') }}
    group by
        run_id,
        user_id,
        policy

),

seen as (

    select list_id
    from {{ ref('list_outcomes') }}
    where kind = 'person'
    group by list_id

),

earlier_lists as (select * from {{ ref('earlier_lists') }}),

-- What people of a holdout see no policy made, and an interleaved list two.
lists as (

    select
        earlier_lists.list_id,
        min(earlier_lists.run_id) as run_id,
        min(earlier_lists.user_id) as user_id,
        min(earlier_lists.policy) as logging_policy,
        min(earlier_lists.experiment_id) as experiment_id,
        coalesce(min(earlier_lists.context), '') as context
    from earlier_lists
    inner join seen
        on earlier_lists.list_id = seen.list_id
    group by earlier_lists.list_id
    having count(earlier_lists.team) = 0
        and min(earlier_lists.policy) <> 'holdout'

),

policy_shares as (

    select
        run_id,
        experiment_id,
        coalesce(context, '') as context,
        policy,
        {{ kindred.wide_sum('share', scale=15) }} as share
    from {{ ref('earlier_arm_shares') }}
    group by
        run_id,
        experiment_id,
        coalesce(context, ''),
        policy

),

-- Arms that ran side by side made each list together, whichever of them it came from: the balance heuristic.
final as (

    select
        lists.list_id,
        policies.policy,
        lists.run_id,
        lists.user_id,
        lists.logging_policy,
        cast(case
            when lists.experiment_id is not null then coalesce(policy_shares.share, 0)
            when lists.logging_policy = policies.policy then 1
            else 0
        end as double) as share
    from lists
    inner join policies
        on lists.run_id = policies.run_id
            and lists.user_id = policies.user_id
    left join policy_shares
        on lists.run_id = policy_shares.run_id
            and lists.experiment_id = policy_shares.experiment_id
            and lists.context = policy_shares.context
            and policies.policy = policy_shares.policy

)

select * from final
