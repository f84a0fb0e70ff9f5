-- one row per (experiment_id, segment_by, segment): whether the arms have as many units as their shares say
-- Arms without a share are no part of it; where fewer than five units are expected in an arm nothing can be told.
{{ config(enabled=kindred.has_experiments()) }}

with arm_counts as (select * from {{ ref('arm_counts') }} where expected_n > 0),

summed as (

    select
        experiment_id,
        segment_by,
        segment,
        count(*) - 1 as df,
        min(expected_n) as least_expected,
        cast(sum(n) as double) as n,
        {{ kindred.exact_sum('expected_n') }} as expected_n
    from arm_counts
    group by
        experiment_id,
        segment_by,
        segment

),

-- What is expected adds up to what is there: exposures of arms that had no share at that time are no part of either.
squares as (

    select
        arm_counts.experiment_id,
        arm_counts.segment_by,
        arm_counts.segment,
        summed.df,
        summed.least_expected * summed.n / summed.expected_n as least_expected,
        {{ kindred.exact_sum(
            'power(arm_counts.n - arm_counts.expected_n * summed.n / summed.expected_n, 2)'
            ~ ' / (arm_counts.expected_n * summed.n / summed.expected_n)', 9
        ) }} as chi2
    from arm_counts
    inner join summed
        on arm_counts.experiment_id = summed.experiment_id
            and arm_counts.segment_by = summed.segment_by
            and arm_counts.segment = summed.segment
    group by
        arm_counts.experiment_id,
        arm_counts.segment_by,
        arm_counts.segment,
        summed.df,
        summed.least_expected,
        summed.n,
        summed.expected_n

),

tested as (

    select
        experiment_id,
        segment_by,
        segment,
        chi2,
        df,
        case when least_expected >= 5 then {{ kindred.chi2_tail('chi2', 'df') | indent(8) }} end as p
    from squares

),

{{ kindred.adjusted_p('tested', "experiment_id, segment_by = ''", ['p'], 'segment_by, segment') }},

final as (

    select
        experiment_id,
        segment_by,
        segment,
        chi2,
        df,
        p,
        p_bh as p_adjusted_bh
    from adjusted

)

select * from final
