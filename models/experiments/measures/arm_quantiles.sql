-- one row per (experiment_id, metric, arm): the quantile of an arm's units, and its error
{{ config(enabled=kindred.has_experiments()) }}

with ranks as (select * from {{ ref('quantile_ranks') }}),

clusters as (select * from {{ ref('quantile_clusters') }}),

final as (

    select
        ranks.experiment_id,
        ranks.metric,
        ranks.arm,
        ranks.day,
        cast(ranks.n as bigint) as n,
        ranks.value,
        -- No interval of ranks fits into so few units, or all of it is one value.
        case
            when ranks.lower_value < ranks.upper_value
                then (ranks.upper_value - ranks.lower_value) / (2.0e0 * ranks.z)
                    * case when clusters.metric is null then 1.0e0 else clusters.inflation end
        end as standard_error
    from ranks
    left join clusters
        on ranks.experiment_id = clusters.experiment_id
            and ranks.metric = clusters.metric
            and ranks.arm = clusters.arm

)

select * from final
