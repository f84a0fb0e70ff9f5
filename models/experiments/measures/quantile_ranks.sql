-- one row per (experiment_id, metric, arm): the quantile of an arm's units, and the values at the ranks that enclose it
-- By the normal approximation of the binomial: A. Deng, U. Knoblich, J. Lu, "Applying the delta method in metric
-- analytics", KDD 2018.
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

{% set alpha = kindred.setting('experiments', 'alpha') | float %}

with spreads as (

    select
        *,
        z * sqrt(n_all * quantile * (1.0e0 - quantile)) as reach
    from (
        select
            *,
            {{ kindred.normal_quantile(kindred.number_literal(1 - alpha / 2)) }} as z
        from {{ ref('quantile_values') }}
    ) as given

),

ranked as (

    select
        *,
        ceil(n_all * quantile - 1.0e-9) as place,
        floor(n_all * quantile - reach) as lower_place,
        ceil(n_all * quantile + reach) as upper_place
    from spreads

),

final as (

    select
        experiment_id,
        metric,
        arm,
        day,
        n_all as n,
        z,
        min(case when n_up_to >= place then y end) / 1e6 as value,
        min(case when n_up_to >= lower_place and lower_place >= 1 then y end) / 1e6 as lower_value,
        min(case when n_up_to >= upper_place then y end) / 1e6 as upper_value
    from ranked
    group by
        experiment_id,
        metric,
        arm,
        day,
        n_all,
        z

)

select * from final
