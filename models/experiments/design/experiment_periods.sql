-- one row per usable experiment: the time whose exposures count
-- Shares or a salt that change while an experiment of fixed shares runs begin a new period: what came before was
-- another design.
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with experiments as (select * from {{ ref('checked_experiments') }} where problem is null),

changed as (

    select
        experiment_id,
        max(case when is_change then valid_from end) as changed_at
    from {{ ref('share_versions') }}
    group by experiment_id

),

final as (

    select
        experiments.experiment_id,
        experiments.kind,
        experiments.unit,
        experiments.salt,
        experiments.allocation,
        -- The shares of a bandit move at each build: it is looked at as often as that.
        case when experiments.allocation = 'fixed' then experiments.stopping else 'sequential' end as stopping,
        experiments.metric,
        experiments.planned_people,
        experiments.starts_at,
        experiments.ends_at,
        case
            when experiments.allocation = 'fixed' and changed.changed_at > experiments.starts_at
                then changed.changed_at
        end as changed_at,
        case
            when experiments.allocation = 'fixed' and changed.changed_at > experiments.starts_at
                then changed.changed_at
            else experiments.starts_at
        end as period_from,
        moment.as_of
    from experiments
    cross join (select max(as_of) as as_of from {{ ref('folds') }}) as moment
    left join changed
        on experiments.experiment_id = changed.experiment_id

)

select * from final
