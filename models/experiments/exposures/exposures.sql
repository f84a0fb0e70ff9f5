-- one row per (experiment_id, salt, unit_id): who was shown which arm first, in the period that counts
{{ config(enabled=kindred.has_experiments()) }}

with shown_arms as (select * from {{ ref('shown_arms') }} where problem is null),

periods as (select * from {{ ref('experiment_periods') }}),

share_versions as (select * from {{ ref('share_versions') }}),

by_arm as (

    select
        shown_arms.experiment_id,
        periods.salt,
        periods.unit,
        periods.kind,
        shown_arms.unit_id,
        shown_arms.arm,
        min(shown_arms.user_id) as user_id,
        min(shown_arms.item_id) as item_id,
        min(case when shown_arms.shown_at >= periods.period_from then shown_arms.shown_at end) as first_exposed_at,
        count(case when shown_arms.shown_at >= periods.period_from then 1 end) as n_exposures,
        count(case when shown_arms.shown_at < periods.period_from then 1 end) as n_earlier,
        min(shown_arms.source) as source,
        min(shown_arms.policy) as policy
    from shown_arms
    inner join periods
        on shown_arms.experiment_id = periods.experiment_id
    group by
        shown_arms.experiment_id,
        periods.salt,
        periods.unit,
        periods.kind,
        shown_arms.unit_id,
        shown_arms.arm

),

-- Nearly all units see one arm: only the others are put in order.
ordered as (

    select
        *,
        count(*) over (partition by experiment_id, unit_id) as n_arms,
        row_number() over (
            partition by experiment_id, unit_id
            order by first_exposed_at nulls last, arm
        ) as place,
        sum(n_exposures) over (partition by experiment_id, unit_id) as n_all_exposures,
        count(first_exposed_at) over (partition by experiment_id, unit_id) as n_arms_of_period,
        sum(n_earlier) over (partition by experiment_id, unit_id) - n_earlier as n_earlier_elsewhere
    from by_arm

),

firsts as (

    select
        *,
        {{ kindred.arm_key('ordered', 'ordered.unit_id') }} as unit_key
    from ordered
    where ordered.place = 1
        and ordered.first_exposed_at is not null
        -- Who moved to another arm when the shares changed knows both.
        and ordered.n_earlier_elsewhere = 0

),

-- An app may read the release before the newest for two days.
assigned as (

    select
        firsts.experiment_id,
        firsts.unit_id,
        coalesce(
            max(case when share_versions.arm = firsts.arm then firsts.arm end),
            max(case
                when firsts.first_exposed_at >= share_versions.valid_from
                    and firsts.first_exposed_at < share_versions.valid_to then share_versions.arm
            end)
        ) as arm
    from firsts
    inner join share_versions
        on firsts.experiment_id = share_versions.experiment_id
            -- The salt says that another tool assigns.
            and firsts.salt <> 'external'
            and firsts.unit_key >= share_versions.from_key
            and firsts.unit_key < share_versions.to_key
            and firsts.first_exposed_at >= share_versions.valid_from
            and firsts.first_exposed_at < {{ dbt.dateadd('day', 2, 'share_versions.valid_to') }}
    group by
        firsts.experiment_id,
        firsts.unit_id

),

final as (

    select
        firsts.experiment_id,
        firsts.salt,
        firsts.unit,
        firsts.unit_id,
        case when firsts.unit <> 'item' then firsts.user_id end as user_id,
        case when firsts.unit <> 'user' then firsts.item_id end as item_id,
        firsts.arm,
        assigned.arm as assigned_arm,
        cast(firsts.n_all_exposures as bigint) as n_exposures,
        firsts.n_arms_of_period > 1 as is_crossed,
        firsts.source,
        firsts.policy,
        firsts.first_exposed_at
    from firsts
    left join assigned
        on firsts.experiment_id = assigned.experiment_id
            and firsts.unit_id = assigned.unit_id

)

select * from final
