-- one row per (experiment_id, metric): mean and spread of the people from whom an experiment is planned
-- Its control; of an experiment without exposures the people of 28 days, the arm ''.
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with sums as (

    select
        *,
        row_number() over (partition by experiment_id, arm, metric order by day desc) as age
    from {{ ref('cumulated_arms') }}
    where segment_by = ''

),

metrics as (select * from {{ ref('checked_metrics') }} where problem is null),

controls as (

    select
        experiment_id,
        max(case when is_control then arm end) as arm
    from {{ ref('checked_arms') }}
    group by experiment_id

),

bases as (

    select
        sums.experiment_id,
        sums.metric,
        sums.n,
        sums.sum_y / nullif(sums.sum_d, 0) as base_mean,
        {{ kindred.ratio_covariance('sums.', 'yd', 'yd') | indent(8) }} as square,
        case
            when metrics.covariate_days > 0 then {{ kindred.ratio_covariance('sums.', 'yd', 'xe') | indent(12) }}
        end as covariance,
        case
            when metrics.covariate_days > 0 then {{ kindred.ratio_covariance('sums.', 'xe', 'xe') | indent(12) }}
        end as covariate_square
    from sums
    inner join metrics
        on sums.metric = metrics.metric
    inner join controls
        on sums.experiment_id = controls.experiment_id
            and (sums.arm = '' or sums.arm = controls.arm)
    where sums.age = 1
        and sums.n >= 100

),

-- What a covariate explains is no spread.
final as (

    select
        experiment_id,
        metric,
        n,
        base_mean,
        sqrt(greatest(
            square - coalesce(covariance * covariance / nullif(covariate_square, 0), 0.0e0), 0.0e0
        )) as base_sd
    from bases

)

select * from final
