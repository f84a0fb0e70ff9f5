-- one row per (source, policy, period, list_id, user_id, rank): a usable place, in all and in its month
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with logged_places as (select * from {{ ref('logged_places') }} where problem is null),

periods as (

    select true as is_all
    union all
    select false as is_all

),

final as (

    select
        logged_places.source,
        logged_places.policy,
        case
            when periods.is_all then 'all'
            else concat(
                    cast(extract(year from logged_places.shown_at) as varchar), '-',
                    right(concat('0', cast(extract(month from logged_places.shown_at) as varchar)), 2)
                )
        end as period,
        logged_places.list_id,
        logged_places.user_id,
        {{ kindred.person_half('logged_places.user_id') }} as half,
        logged_places.rank,
        logged_places.item_id,
        logged_places.scope,
        logged_places.weight,
        logged_places.list_weight,
        logged_places.reward,
        logged_places.is_last
    from logged_places
    cross join periods
    where periods.is_all
        or logged_places.shown_at is not null

)

select * from final
