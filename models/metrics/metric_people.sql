-- one row per user_id: everybody who did something before as_of
with firsts as (

    select
        user_id,
        min(day) as first_day
    from {{ ref('person_days') }}
    group by user_id

),

people as (

    select
        identities.user_id,
        {{ kindred.person_segment('identities') }} as segment,
        min(case when identities.allows_analytics then 1 else 0 end) = 1 as allows_analytics
    from {{ ref('identities') }} as identities
    where identities.user_id is not null
    group by identities.user_id

),

moment as (select max(as_of) as as_of from {{ ref('folds') }}),

final as (

    select
        firsts.user_id,
        coalesce(people.segment, 'unknown') as segment,
        people.allows_analytics,
        cast({{ dbt.datediff('firsts.first_day', 'moment.as_of', 'day') }} as bigint) as age_days,  -- noqa: LT05
        firsts.first_day
    from firsts
    inner join people
        on firsts.user_id = people.user_id
    cross join moment

)

select * from final
