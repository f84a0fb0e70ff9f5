-- one row per (user_id, day) with a purchase, of people who allow analytics: what customer_values learns from
-- What is computed of a single person is analytics of that person, in other words than of the shop.
{{ config(materialized='view') }}

select
    person_days.user_id,
    cast({{ dbt.datediff('person_days.day', 'moment.as_of', 'day') }} as bigint) as days_ago,  -- noqa: LT05
    person_days.revenue,
    moment.as_of
from {{ ref('person_days') }} as person_days
inner join {{ ref('metric_people') }} as people
    on person_days.user_id = people.user_id
cross join (select max(as_of) as as_of from {{ ref('folds') }}) as moment
where person_days.n_purchases > 0
    and people.allows_analytics
