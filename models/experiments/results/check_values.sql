-- one row per experiment_id: what the checks of an experiment are made of
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with periods as (select * from {{ ref('experiment_periods') }}),

newest as (

    select
        *,
        row_number() over (
            partition by experiment_id, arm, segment_by, segment, metric
            order by day desc
        ) as age
    from {{ ref('adjusted_results') }}

),

results as (select * from newest where age = 1 and segment_by = ''),

exposed as (

    select
        experiment_id,
        count(*) as n,
        avg(case when is_crossed then 1.0e0 else 0.0e0 end) as crossed_share,
        sum(case when assigned_arm <> arm then 1.0e0 else 0.0e0 end) / nullif(count(assigned_arm), 0) as wrong_share
    from {{ ref('exposures') }}
    group by experiment_id

),

ratios as (

    select
        experiment_id,
        min(case when segment_by = '' then p end) as p,
        min(case when segment_by <> '' then p_adjusted_bh end) as segment_p
    from {{ ref('sample_ratios') }}
    group by experiment_id

),

-- Before anybody was exposed no arm can have an effect; of all covariates one may look so by chance.
before as (

    select
        experiment_id,
        least(1.0e0, min({{ kindred.two_sided_p('z_before') | indent(8) }}) * count(*)) as p
    from results
    where z_before is not null
    group by experiment_id

),

lost as (

    select
        experiment_id,
        avg(case when problem is null then 0.0e0 else 1.0e0 end) as lost_share
    from {{ ref('shown_arms') }}
    group by experiment_id

),

arms as (

    select
        checked_arms.experiment_id,
        coalesce(min(coalesce(arm_counts.n, 0)), 0) as least_n
    from {{ ref('checked_arms') }} as checked_arms
    left join {{ ref('arm_counts') }} as arm_counts
        on checked_arms.experiment_id = arm_counts.experiment_id
            and checked_arms.arm = arm_counts.arm
            and arm_counts.segment_by = ''
    where checked_arms.share > 0
    group by checked_arms.experiment_id

),

looks as (

    select
        results.experiment_id,
        min(results.p_adjusted) as p
    from results
    inner join periods
        on results.experiment_id = periods.experiment_id
    where periods.stopping = 'fixed'
        and not coalesce(periods.ends_at <= periods.as_of, false)
        and not coalesce(results.n_control + results.n >= periods.planned_people, false)
        and not results.is_guardrail
    group by results.experiment_id

),

final as (

    select
        periods.experiment_id,
        periods.allocation,
        periods.changed_at,
        exposed.crossed_share,
        exposed.wrong_share,
        ratios.p as ratio_p,
        ratios.segment_p,
        before.p as before_p,
        lost.lost_share,
        arms.least_n,
        looks.p as look_p
    from periods
    left join exposed
        on periods.experiment_id = exposed.experiment_id
    {%- for found in ['ratios', 'before', 'lost', 'arms', 'looks'] %}
    left join {{ found }}
        on periods.experiment_id = {{ found }}.experiment_id
    {%- endfor %}

)

select * from final
