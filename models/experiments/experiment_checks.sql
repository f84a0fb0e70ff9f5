-- one row per (experiment_id, check_name): whether an experiment can be read
{{ config(enabled=kindred.has_experiments()) }}

{% set alpha = kindred.setting('experiments', 'alpha') | float %}
{#- (name, value, bound, whether it fails, whether a failure takes all verdicts, what a failure means) -#}
{% set checks = [
    ('srm', 'ratio_p', '0.001e0', 'ratio_p < 0.001e0', 'true',
     "the arms have other numbers of units than their shares say: exposures of an arm get lost, or the app assigns"
     ~ " in another way"),
    ('srm_segment', 'segment_p', '0.001e0', 'segment_p < 0.001e0', 'true',
     "in a segment the arms have other numbers of units than their shares say: exposures of an arm get lost there"),
    ('crossed', 'crossed_share', '0.01e0',
     "crossed_share > 0.01e0 and allocation = 'fixed'", 'true',
     "units were shown more than one arm: one person under two ids, or an app that assigns again"),
    ('wrong_arm', 'wrong_share', '0.01e0', 'wrong_share > 0.01e0', 'true',
     "units were shown another arm than theirs: the app reads an old release, or hashes other ids or a salt"),
    ('pre_period', 'before_p', '0.001e0', 'before_p < 0.001e0', 'true',
     "the arms differed before anybody was exposed: the assignment is not random, or an earlier test goes on"),
    ('lost_exposures', 'lost_share', '0.01e0', 'lost_share > 0.01e0', 'false',
     "exposures count for nothing: exposure_problems says why and how to correct them"),
    ('changed_design', 'case when changed_at is null then 0.0e0 else 1.0e0 end', '0.0e0',
     'changed_at is not null', 'false',
     "shares or salt changed while it ran: a new period began then, and people who moved are left out"),
    ('too_few', 'cast(least_n as double)', '100.0e0', 'coalesce(least_n, 0) < 100', 'false',
     "an arm has fewer than 100 people: no result yet"),
    ('peeking', 'look_p', kindred.number_literal(alpha), 'look_p < ' ~ kindred.number_literal(alpha), 'false',
     "it looks decided before its planned end, which a test with fixed stopping does by chance: wait, or plan it"
     ~ " as sequential"),
] %}

with periods as (select * from {{ ref('experiment_periods') }}),

exposures as (select * from {{ ref('exposures') }}),

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
    from exposures
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
before_tests as (

    select
        experiment_id,
        {{ kindred.two_sided_p('z_before') | indent(8) }} as p
    from results
    where z_before is not null

),

before as (

    select
        experiment_id,
        least(1.0e0, min(p) * count(*)) as p
    from before_tests
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

measured as (

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
    left join ratios
        on periods.experiment_id = ratios.experiment_id
    left join before
        on periods.experiment_id = before.experiment_id
    left join lost
        on periods.experiment_id = lost.experiment_id
    left join arms
        on periods.experiment_id = arms.experiment_id
    left join looks
        on periods.experiment_id = looks.experiment_id

),

checks as (

    {% for name, value, bound, fails, takes, explanation in checks %}
    select
        experiment_id,
        '{{ name }}' as check_name,
        {{ value }} as value,
        {{ bound }} as bound,
        not coalesce({{ fails }}, false) as is_passed,
        {{ takes }} as is_decisive,
        '{{ explanation }}' as failure
    from measured
    {{ "union all" if not loop.last }}
    {% endfor %}

),

final as (

    select
        experiment_id,
        check_name,
        value,
        bound,
        is_passed,
        is_decisive,
        case
            when value is null then 'not judged: there is nothing to judge it by'
            when is_passed then 'as it should be'
            else failure
        end as explanation
    from checks

)

select * from final
