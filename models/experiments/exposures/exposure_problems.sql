-- one row per (experiment_id, problem, source): exposures that count for nothing, and how to correct them
{{ config(enabled=kindred.has_experiments()) }}

with shown_arms as (select * from {{ ref('shown_arms') }} where problem is not null),

counted as (

    select
        coalesce(experiment_id, '') as experiment_id,
        problem,
        source,
        min(arm) as example_arm,
        min(user_id) as example_user_id,
        count(*) as n_exposures,
        count(distinct user_id) as n_people
    from shown_arms
    group by
        coalesce(experiment_id, ''),
        problem,
        source

),

final as (

    select
        experiment_id,
        problem,
        source,
        cast(n_exposures as bigint) as n_exposures,
        cast(n_people as bigint) as n_people,
        case problem
            when 'names_no_experiment'
                then 'the properties of an exposure hold experiment and arm: {"experiment": "...", "arm": "..."}'
            when 'unknown_experiment'
                then 'the table experiments has no usable experiment of this name: add it, or correct the app'
            when 'unknown_arm'
                then concat('experiment_arms lacks arm ''', coalesce(example_arm, ''), ''': add it, or correct the app')
            when 'arm_without_share'
                then concat('arm ''', example_arm, ''' has share 0, so nobody is assigned to it: correct the app')
            when 'nobodys' then 'no id of a person stands there, or the device is of many: send user_id or anonymous_id'
            when 'names_no_item' then 'units of the experiment are items, or people and items: send item_id'
            when 'before_the_start' then 'it was shown before starts_at: correct starts_at, or the clock of the app'
            when 'after_the_end' then 'it was shown after ends_at: the app still shows it'
        end as explanation
    from counted

)

select * from final
