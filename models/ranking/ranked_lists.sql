-- one row per (fold, policy, user_id, rank): lists: pins at their ranks, the others by value, some places drawn
{% set is_explored = kindred.explores() %}

with generators as (select * from {{ ref('generators') }}),

pins as (select * from {{ ref('ruled_candidates') }} where pin_number is not null),

placed as (select * from {{ ref('placed_candidates') }}),
{% if is_explored %}
-- To sort by a hash is to draw without replacement: each of the pool's items is equally likely to stand at each drawn
-- place. The day is in the hash, so a replay draws the same, and the next day draws again.
days as (

    select
        fold,
        {{ kindred.day_digits('as_of') }} as day
    from {{ ref('folds') }}

),

drawn as (

    select
        placed.*,
        case when placed.is_drawn then md5(concat(placed.user_id, '|', placed.item_id, '|', days.day)) end as lot
    from placed
    inner join days
        on placed.fold = days.fold

),

organic as (

    select
        *,
        row_number() over (
            partition by fold, policy, user_id
            order by is_drawn, case when not is_drawn then place end, lot nulls first, item_id
        ) as key,
        case
            when is_drawn
                then
                    cast(1 as double)
                    / sum(case when is_drawn then 1 else 0 end) over (partition by fold, policy, user_id)
            else 1
        end as propensity
    from drawn
    qualify key <= n_places

),
{% else %}
organic as (

    select
        *,
        place as key,
        1 as propensity
    from placed

),
{% endif %}
-- Before the pin with number i and rank r there are r - i other items.
merged as (

    select
        fold,
        policy,
        user_id,
        item_id,
        case when is_drawn then 'exploration' else generator end as generator,
        score,
        propensity,
        key,
        cast(null as bigint) as pin_number
    from organic

    union all

    select
        fold,
        policy,
        user_id,
        item_id,
        'pinned' as generator,
        score,
        1 as propensity,
        pinned_rank - pin_number + 1 as key,
        pin_number
    from pins

),

final as (

    select
        merged.fold,
        merged.policy,
        merged.user_id,
        merged.item_id,
        merged.generator,
        coalesce(generators.reason, merged.generator) as reason,
        cast(row_number() over (
            partition by merged.fold, merged.policy, merged.user_id order by merged.key, merged.pin_number nulls last
        ) as bigint) as rank,
        merged.score,
        cast(merged.propensity as double) as propensity,
        person_policies.is_shown,
        person_policies.team
    from merged
    inner join {{ ref('person_policies') }} as person_policies
        on merged.fold = person_policies.fold
            and merged.policy = person_policies.policy
            and merged.user_id = person_policies.user_id
    left join generators
        on merged.generator = generators.generator

)

select * from final
