-- one row per (experiment_id, day, arm, segment_by, segment, metric): what an arm did, beside the control
{{ config(enabled=kindred.has_experiments()) }}

{% set min_people = kindred.setting('privacy', 'min_people') %}

with verdicts as (

    select *
    from {{ ref('result_verdicts') }}
    -- Days beside each other would tell of the few people who came between them.
    {{ "where day = newest_day" if min_people > 1 }}

),

{{ kindred.protected_cells(
    'verdicts', ['experiment_id', 'day', 'arm', 'segment_by', 'segment', 'metric'], {'segment': "''"}, 'n_least'
) }},

final as (

    select
        experiment_id,
        cast(day as date) as day,
        arm,
        segment_by,
        segment,
        metric,
        n_control,
        n,
        control,
        treatment,
        effect,
        standard_error,
        lower,
        upper,
        lift,
        lift_lower,
        lift_upper,
        p,
        p_adjusted,
        p_adjusted_bh,
        sequential_lower,
        sequential_upper,
        sequential_p,
        sequential_p_adjusted,
        theta,
        n_winsorized,
        mde,
        is_guardrail,
        day = newest_day as is_newest,
        is_valid,
        verdict,
        note
    from protected

)

select * from final
