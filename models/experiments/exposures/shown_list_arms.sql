-- one row per (experiment_id, list_id): a list that a person saw, as an exposure to the arm that made it
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

{% set found = kindred.known_rows("select count(*) as n_experiments", ref('checked_experiments')) %}
{% set has_experiments = found is none or found[0].n_experiments > 0 %}

with list_outcomes as (select * from {{ ref('list_outcomes') }} {{ "where false" if not has_experiments }}),

experiments as (select * from {{ ref('experiment_periods') }}),

arms as (select * from {{ ref('checked_arms') }}),

-- What is on a list was shown at once: one row per list. Lists made at request time are in no log, which alone knows
-- the arm.
lists as (

    select
        list_id,
        user_id,
        max(experiment_id) as experiment_id,
        max(arm) as arm,
        max(policy) as policy,
        min(shown_at) as shown_at
    from list_outcomes
    where kind = 'person'
        and generator <> 'unknown'
    group by
        list_id,
        user_id

),

-- Everybody is in a holdout experiment who saw any list: in the arm that gets nothing personal, or in the other.
holdouts as (

    select
        experiments.experiment_id,
        max(case when arms.is_control then arms.arm end) as held_out_arm,
        max(case when not arms.is_control and arms.share > 0 then arms.arm end) as served_arm
    from experiments
    inner join arms
        on experiments.experiment_id = arms.experiment_id
    where experiments.kind = 'holdout'
    group by experiments.experiment_id

),

final as (

    select
        experiment_id,
        arm,
        user_id,
        policy,
        shown_at
    from lists
    where experiment_id is not null
        and experiment_id not in (select holdouts.experiment_id from holdouts)

    union all

    select
        holdouts.experiment_id,
        case when lists.policy = 'holdout' then holdouts.held_out_arm else holdouts.served_arm end as arm,
        lists.user_id,
        lists.policy,
        lists.shown_at
    from lists
    cross join holdouts

)

select * from final
