-- one row per (rule_id, is_left_out): the traffic that is no customer's, or that somebody should look at
with all_events as (

    select coalesce(sum(n_events), 0) as n_events
    from {{ ref('event_counts') }}
    where rejection_reason is null

),

found as (

    select
        traffic_rule as rule_id,
        traffic,
        true as is_left_out,
        count(*) as n_events,
        count(distinct coalesce(anonymous_id, user_id)) as n_people
    from {{ ref('kindred', 'events') }}
    where traffic_rule is not null
    group by
        traffic_rule,
        traffic

    union all

    select
        rule_id,
        traffic,
        is_left_out,
        sum(n_events) as n_events,
        count(*) as n_people
    from {{ ref('person_traffic') }}
    group by
        rule_id,
        traffic,
        is_left_out

),

final as (

    select
        found.rule_id,
        found.traffic,
        found.is_left_out,
        cast(found.n_events as bigint) as n_events,
        cast(found.n_people as bigint) as n_people,
        found.n_events / nullif(cast(all_events.n_events as double), 0) as share
    from found
    cross join all_events

)

select * from final
