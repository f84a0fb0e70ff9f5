-- one row per user_id: the hour at which the person usually comes, drawn towards everybody's
{#- A person's own hours count as much as everybody's from so many visits on. -#}
{% set prior_visits = 10 %}
{{ config(materialized='view') }}

with visits as (

    select
        user_id,
        extract(hour from started_at) as hour,
        count(*) as n_visits
    from {{ ref('sessions') }}
    group by
        user_id,
        extract(hour from started_at)

),

totals as (

    select
        hour,
        sum(n_visits) as n_visits
    from visits
    group by hour

),

shares as (

    select
        hour,
        cast(n_visits as double) / sum(n_visits) over () as share,
        row_number() over (order by n_visits desc, hour) as place
    from totals

),

-- Of the hours at which a person never came, everybody's usual one has the largest share.
hours as (

    select
        user_id,
        hour,
        n_visits
    from visits

    union all

    select
        people.user_id,
        shares.hour,
        0 as n_visits
    from (select user_id from visits group by user_id) as people
    cross join shares
    where shares.place = 1

),

-- The mean of a Dirichlet posterior whose prior are everybody's shares, times a constant.
ranked as (

    select
        hours.user_id,
        hours.hour,
        row_number() over (
            partition by hours.user_id
            order by round(hours.n_visits + {{ prior_visits }} * shares.share, 9) desc, hours.hour
        ) as place
    from hours
    inner join shares
        on hours.hour = shares.hour

)

select
    user_id,
    cast(hour as bigint) as send_hour
from ranked
where place = 1
    and {{ kindred.lists_for_people() }}
