-- one row: how unequally items are taken by people who are held out of everything personal, and by as many others
-- Gini coefficients of few people are higher than those of many, so both count the same number of people. Without
-- experiments both are null.
{{ config(materialized='ephemeral') }}
{% set horizon_days = var('kindred__horizon_days') | int %}

{% if kindred.has_experiments() %}
with held_out as (select user_id from {{ ref('assignments') }} where is_held_out group by user_id),

recent as (

    select
        interactions.user_id,
        interactions.item_id,
        case when held_out.user_id is null then 0 else 1 end as is_held_out
    from {{ ref('interactions') }} as interactions
    inner join (select max(as_of) as as_of from {{ ref('folds') }}) as moment
        on interactions.last_at >= {{ dbt.dateadd('day', -horizon_days, 'moment.as_of') }}
    left join held_out
        on interactions.user_id = held_out.user_id
    where interactions.fold = 'live'
        and interactions.weight > 0

),

people as (

    select
        user_id,
        is_held_out,
        row_number() over (partition by is_held_out order by md5(user_id), user_id) as place,
        sum(is_held_out) over () as n_held_out
    from (select user_id, max(is_held_out) as is_held_out from recent group by user_id) as grouped

),

catalogue as (

    select
        recommendable_items.item_id,
        kinds.is_held_out
    from {{ ref('recommendable_items') }} as recommendable_items
    cross join (select 0 as is_held_out union all select 1) as kinds

),

taken as (

    select
        recent.is_held_out,
        recent.item_id,
        count(*) as n_taken
    from recent
    inner join people
        on recent.user_id = people.user_id
            and people.place <= people.n_held_out
    group by
        recent.is_held_out,
        recent.item_id

),

shared as (

    select
        catalogue.is_held_out,
        cast(coalesce(taken.n_taken, 0) as bigint) as n_taken,
        count(*) over (partition by catalogue.is_held_out) as n_items,
        row_number() over (
            partition by catalogue.is_held_out order by coalesce(taken.n_taken, 0), catalogue.item_id
        ) as place
    from catalogue
    left join taken
        on catalogue.item_id = taken.item_id
            and catalogue.is_held_out = taken.is_held_out

),

ginis as (

    select
        is_held_out,
        {{ kindred.gini('n_taken', 'place', 'n_items') }} as gini
    from shared
    group by is_held_out

)

select
    max(case when is_held_out = 1 then gini end) as gini_held_out,
    -- Without anybody held out there is nobody to compare with.
    max(case when is_held_out = 0 then gini end) as gini_others
from ginis
{% else %}
select
    cast(null as double) as gini_held_out,
    cast(null as double) as gini_others
{% endif %}
