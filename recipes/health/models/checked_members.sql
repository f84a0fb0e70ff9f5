-- one row per member: what may be relied on of them, their age in whole years, and what was set aside
-- What can't be right is unknown, and what is unknown opens nothing. Of a member in several rows nothing is known: no
-- row says which is right. One member's mistake stops nobody else's list.
{% set levels = [1, 4] %}
with members as (

    select
        member_id,
        min(joined_at) as joined_at,
        {%- for column in ['born_at', 'sex', 'reading_level', 'conditions', 'allergies', 'medicines'] %}
        case when count(*) = 1 then min({{ column }}) end as {{ column }},
        {%- endfor %}
        count(*) as n_rows,
        cast('{{ var("today") or run_started_at.date() }}' as date) as today
    from {{ source('raw', 'members') }}
    group by member_id

),

-- Days as numbers of eight digits: 20260601.
numbered as (

    select
        *,
        10000 * extract(year from born_at) + 100 * extract(month from born_at) + extract(day from born_at) as born,
        10000 * extract(year from today) + 100 * extract(month from today) + extract(day from today) as reckoned
    from members

),

aged as (

    select
        *,
        cast(floor((reckoned - born) / 10000) as bigint) as age
    from numbered

),

final as (

    select
        aged.member_id,
        cast(aged.joined_at as date) as joined_on,
        sexes.word as sex,
        case when aged.age between 0 and 120 then cast(aged.born_at as date) end as born_on,
        case when aged.age between 0 and 120 then aged.age end as age,
        case
            when aged.reading_level between {{ levels | join(' and ') }} then cast(aged.reading_level as bigint)
        end as reading_level,
        aged.conditions,
        aged.allergies,
        aged.medicines,
        case
            when aged.member_id is null then 'it has no member_id: give it one'
            when aged.n_rows > 1
                then concat('it stands in ', cast(aged.n_rows as varchar), ' rows, so nothing of it is known: keep one')
            when not aged.age between 0 and 120
                then concat('the age is ', cast(aged.age as varchar), ': correct born_at, or leave it empty')
            when aged.sex is not null and sexes.word is null
                then concat('sex is ''', aged.sex, ''': write a word of sex in health_words, or leave it empty')
            when not aged.reading_level between {{ levels | join(' and ') }}
                then concat(
                        'reading_level is ', cast(aged.reading_level as varchar),
                        ': write {{ levels | join(" to ") }}, or leave it empty'
                    )
        end as problem,
        aged.joined_at,
        aged.today
    from aged
    left join {{ ref('health_words') }} as sexes
        on sexes.field = 'sex'
            and lower(trim(aged.sex)) = sexes.word

)

select * from final
