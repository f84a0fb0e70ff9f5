-- one row per member: their age in whole years, and the day on which ages and due dates are reckoned
{{ config(materialized='view') }}

with members as (

    select
        member_id,
        sex,
        cast(born_at as date) as born_on,
        cast('{{ var("today") or run_started_at.date() }}' as date) as today
    from {{ source('raw', 'members') }}

),

-- Days as numbers of eight digits: 20260601.
numbered as (

    select
        *,
        10000 * extract(year from born_on) + 100 * extract(month from born_on) + extract(day from born_on) as born,
        10000 * extract(year from today) + 100 * extract(month from today) + extract(day from today) as reckoned
    from members

),

final as (

    select
        member_id,
        sex,
        born_on,
        cast(floor((reckoned - born) / 10000) as bigint) as age,
        today
    from numbered

)

select * from final
