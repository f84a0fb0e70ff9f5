-- one row per row of the table foreign_log: the first reason why it can't be used, if there is one
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with foreign_places as (select * from {{ ref('foreign_places') }}),

checked as (

    select
        *,
        case
            when list_id is null then 'it has no list_id: rows of one list share an id'
            when item_id is null then 'it has no item_id: name the item that was shown'
            when policy is null then 'it has no evaluated_policy: name the policy whose value is asked for'
            when not coalesce(rank >= 1 and floor(rank) = rank, false)
                then 'rank is no place: write a whole number from 1'
            when propensity is null then 'propensity is missing: log the probability of what was shown'
            when propensity < 1e-9 then 'propensity is 0: what was shown had a probability above it'
            when propensity > 1 then 'propensity is above 1: write a probability, not a percentage or an odds'
            when evaluated_propensity is null
                then 'evaluated_propensity is missing: fill it in, or list the policy''s items in foreign_policies'
            when evaluated_propensity < 0 or evaluated_propensity > 1
                then 'evaluated_propensity is no probability: write one from 0 to 1'
            when not coalesce(abs(reward) < 1e9, false)
                then 'reward is missing or no number below 1e9: write 0 where nothing came of it'
            when shown_at is null and shown_at_text is not null
                then 'shown_at is no time: write a UTC date or time, 2026-12-01 18:00:00'
            when rewarded_at is null and rewarded_at_text is not null
                then 'rewarded_at is no time: write a UTC date or time, 2026-12-01 18:00:00'
            when rewarded_at < shown_at then 'rewarded_at is before shown_at: correct the clocks or the join'
        end as problem
    from foreign_places

),

numbered as (

    select
        *,
        row_number() over (
            partition by policy, list_id, user_id, rank
            order by
                case when problem is null then 0 else 1 end, shown_at nulls last, item_id, reward, propensity,
                evaluated_propensity
        ) as row_number_of_place
    from checked

),

final as (

    select
        policy,
        list_id,
        user_id,
        cast(rank as bigint) as rank,
        item_id,
        scope,
        logging_policy,
        propensity,
        evaluated_propensity,
        reward,
        shown_at,
        case
            when problem is null and row_number_of_place > 1
                then 'the place stands twice in the list: the first row counts, correct the join'
            else problem
        end as problem,
        problem is null and row_number_of_place > 1 as is_repeated,
        coalesce(
            case when rank is null then rank_text end,
            case when propensity is null then propensity_text end,
            case when evaluated_propensity is null then evaluated_propensity_text end,
            case when reward is null then reward_text end,
            case when shown_at is null then shown_at_text end,
            case when rewarded_at is null then rewarded_at_text end
        ) as rejected_text
    from numbered

)

select * from final
