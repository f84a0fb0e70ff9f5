-- The newest run alone: looking through the whole log would take longer with each build.
with recommendations as (select * from {{ ref('recommendations') }}),

logged as (

    select
        run_id,
        user_id,
        rank,
        count(*) as n_rows
    from {{ ref('recommendation_log') }}
    where run_id = (select min(newest.run_id) from {{ ref('recommendations') }} as newest)
    group by
        run_id,
        user_id,
        rank

)

select
    recommendations.run_id,
    recommendations.user_id,
    recommendations.rank,
    logged.n_rows
from recommendations
left join logged
    on recommendations.user_id = logged.user_id
        and recommendations.rank = logged.rank
where coalesce(logged.n_rows, 0) <> {{ 0 if var('kindred__as_of') else 1 }}
