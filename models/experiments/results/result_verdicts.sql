-- one row per (experiment_id, day, arm, segment_by, segment, metric): a comparison with its verdict, or why it has none
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

{% set alpha = kindred.number_literal(kindred.setting('experiments', 'alpha')) %}

with adjusted_results as (select * from {{ ref('adjusted_results') }}),

periods as (select * from {{ ref('experiment_periods') }}),

failures as (

    select
        experiment_id,
        min(check_name) as check_name
    from {{ ref('experiment_checks') }}
    where is_decisive
        and not is_passed
    group by experiment_id

),

-- A test ends for all segments at once.
judged as (

    select
        adjusted_results.*,
        periods.allocation,
        periods.stopping,
        periods.planned_people,
        failures.check_name,
        least(adjusted_results.n_control, adjusted_results.n) as n_least,
        max(adjusted_results.n_control + adjusted_results.n) over (
            partition by
                adjusted_results.experiment_id, adjusted_results.day, adjusted_results.arm, adjusted_results.metric
        ) as n_both,
        max(adjusted_results.day) over (partition by adjusted_results.experiment_id, adjusted_results.metric)
            as newest_day,
        coalesce(periods.ends_at <= periods.as_of, false) as has_ended,
        periods.planned_people is null and periods.ends_at is null as is_endless,
        case
            when periods.stopping = 'sequential' then adjusted_results.sequential_p_adjusted
            else adjusted_results.p_adjusted
        end as deciding_p
    from adjusted_results
    inner join periods
        on adjusted_results.experiment_id = periods.experiment_id
    left join failures
        on adjusted_results.experiment_id = failures.experiment_id

),

noted as (

    select
        *,
        -- The first reason that applies for which there is no verdict.
        case
            when check_name is not null then concat('the check ', check_name, ' fails, see experiment_checks')
            when n_left_out > n_control + n
                then concat(
                        'the shares followed the results, and while they were as most people met them one of the two ',
                        'arms had fewer than 10 people: wait, or declare fixed shares to know by how much'
                    )
            when n_least < 100 then 'fewer than 100 people in an arm'
            when standard_error is null then 'no error can be given: the metric is the same for nearly all'
            when n_positive < 20 then 'fewer than 20 people of an arm have the event: too few for a normal error'
            when allocation <> 'fixed' and statistic = 'quantile'
                then 'the shares followed the results, and a quantile can''t be read by days: choose a mean or a ratio'
            when stopping = 'fixed' and is_endless
                then 'a fixed test needs an end: give planned_people or ends_at, or stop it as sequential'
            when stopping = 'fixed' and not has_ended and n_both < coalesce(planned_people, n_both + 1)
                then 'its planned end is not reached'
        end as reason
    from judged

),

final as (

    select
        *,
        check_name is null as is_valid,
        case
            when check_name is not null then 'invalid'
            when reason is not null or not coalesce(deciding_p < {{ alpha }}, false) then 'undecided'
            when (effect > 0) = higher_is_better then 'better'
            else 'worse'
        end as verdict,
        case
            when reason is not null then reason
            when deciding_p < {{ alpha }} then 'the effect is beyond chance'
            else 'the effect is within chance'
        end as note
    from noted

)

select * from final  -- noqa: AM04
