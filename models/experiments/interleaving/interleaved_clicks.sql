-- one row per (experiment_id, user_id, day): lists that a person saw, and the clicks on each side's items
{{ config(enabled=kindred.has_experiments()) }}

with list_outcomes as (select * from {{ ref('list_outcomes') }}),

interleaved_lists as (select * from {{ ref('interleaved_lists') }}),

by_list as (

    select
        interleaved_lists.experiment_id,
        list_outcomes.user_id,
        list_outcomes.list_id,
        cast(min(list_outcomes.shown_at) as date) as day,
        sum(case when interleaved_lists.team = 'A' and list_outcomes.n_clicks > 0 then 1 else 0 end) as n_clicks_a,
        sum(case when interleaved_lists.team = 'B' and list_outcomes.n_clicks > 0 then 1 else 0 end) as n_clicks_b
    from list_outcomes
    inner join interleaved_lists
        on list_outcomes.list_id = interleaved_lists.list_id
            and list_outcomes.item_id = interleaved_lists.item_id
    group by
        interleaved_lists.experiment_id,
        list_outcomes.user_id,
        list_outcomes.list_id

),

final as (

    select
        experiment_id,
        user_id,
        day,
        cast(count(*) as bigint) as n_lists,
        cast(sum(n_clicks_a) as bigint) as n_clicks_a,
        cast(sum(n_clicks_b) as bigint) as n_clicks_b
    from by_list
    group by
        experiment_id,
        user_id,
        day

)

select * from final
