-- one row per (policy, user_id): the policies by which lists of a known person are made in the fold live
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with assignments as (select * from {{ ref('assignments') }}),

-- One day, one draw: two builds of a day make the same lists.
live as (

    select {{ kindred.day_digits('as_of') }} as day
    from {{ ref('folds') }}
    where fold = 'live'

),

held_out as (select user_id from assignments where is_held_out group by user_id),

people as (

    select
        user_features.user_id,
        {{ kindred.unit_key(["'shadow'", "live.day", "user_features.user_id"]) }} < '1999999a' as is_logged
    from {{ ref('user_features') }} as user_features
    cross join live
    left join held_out
        on user_features.user_id = held_out.user_id
    where user_features.fold = 'live'
        and held_out.user_id is null

),

-- Of a person whose list is drafted from two policies' lists, both are made: team A is that of the first arm.
interleaved as (

    select
        people.user_id,
        arms.policy,
        case when arms.position = 1 then 'A' else 'B' end as team
    from people
    inner join assignments
        on people.user_id = assignments.user_id
            and assignments.kind = 'interleaving'
    inner join {{ ref('current_arms') }} as arms
        on assignments.experiment_id = arms.experiment_id
            and assignments.context = arms.context

),

-- The arm of a person makes the person's list; experiments on lists share a layer, so that there is one.
own as (

    select
        people.user_id,
        people.is_logged,
        coalesce(assignments.policy, 'main') as policy
    from people
    left join assignments
        on people.user_id = assignments.user_id
            and assignments.kind = 'lists'
    left join interleaved
        on people.user_id = interleaved.user_id
    where interleaved.user_id is null

),

-- What any arm would have shown, the shadows' too, is made for a tenth of the people: by it policies are compared.
others as (

    select arms.policy
    from {{ ref('current_arms') }} as arms
    where arms.kind = 'lists'
        and arms.is_running
    group by arms.policy
    union distinct
    select 'main' as policy
    from {{ ref('current_arms') }} as arms
    where arms.kind = 'lists'
        and arms.is_running

),

final as (

    select
        policy,
        user_id,
        true as is_shown,
        cast(null as varchar) as team
    from own

    union all

    select
        policy,
        user_id,
        false as is_shown,
        team
    from interleaved

    union all

    select
        others.policy,
        own.user_id,
        false as is_shown,
        cast(null as varchar) as team
    from own
    cross join others
    where own.is_logged
        and own.policy <> others.policy

)

select * from final
