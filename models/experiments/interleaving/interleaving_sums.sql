-- one row per (experiment_id, day): people, lists and scores up to the end of the day
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with interleaved_clicks as (select * from {{ ref('interleaved_clicks') }}),

scored as (

    select
        *,
        sum(n_clicks_a - n_clicks_b) over (
            partition by experiment_id, user_id order by day rows unbounded preceding
        ) as score,
        row_number() over (partition by experiment_id, user_id order by day) = 1 as is_new
    from interleaved_clicks

),

-- What a person's new score changes in the sums over people.
changes as (

    select
        *,
        case when is_new then 0 else score - n_clicks_a + n_clicks_b end as earlier_score
    from scored

),

by_day as (

    select
        experiment_id,
        day,
        sum(case when is_new then 1 else 0 end) as n_people,
        sum(n_lists) as n_lists,
        sum(case when score > 0 then 1 else 0 end - case when earlier_score > 0 then 1 else 0 end) as wins,
        sum(case when score < 0 then 1 else 0 end - case when earlier_score < 0 then 1 else 0 end) as losses,
        sum(score - earlier_score) as scores,
        sum(score * score - earlier_score * earlier_score) as squares
    from changes
    group by
        experiment_id,
        day

),

final as (

    select
        experiment_id,
        day,
        cast(sum(n_people) over (partition by experiment_id order by day rows unbounded preceding) as bigint)
            as n_people,
        cast(sum(n_lists) over (partition by experiment_id order by day rows unbounded preceding) as bigint) as n_lists,
        cast(sum(wins) over (partition by experiment_id order by day rows unbounded preceding) as bigint) as wins,
        cast(sum(losses) over (partition by experiment_id order by day rows unbounded preceding) as bigint) as losses,
        cast(sum(scores) over (partition by experiment_id order by day rows unbounded preceding) as bigint) as scores,
        cast(sum(squares) over (partition by experiment_id order by day rows unbounded preceding) as bigint) as squares
    from by_day

)

select * from final
