-- one row per person whom a rule takes for a bot or a test, or whom somebody should look at
-- A rule of pace alone never leaves out a person who has bought or who logs in.
with rules as (select * from {{ ref('known_traffic_rules') }} where field = 'id' and problem is null),

person_ids as (select * from {{ ref('person_ids') }} where user_id is not null),

people as (

    select
        user_id,
        sum(n_events) as n_events,
        max(case when is_anonymous then 0 else 1 end) as has_logged_in
    from person_ids
    group by user_id

),

named as (

    select
        person_ids.user_id,
        rules.rule_id,
        rules.traffic,
        row_number() over (
            partition by person_ids.user_id
            order by case when rules.traffic = 'person' then 0 else 1 end, rules.rule_id
        ) as place
    from person_ids
    inner join rules
        on lower(person_ids.identity_id) like rules.pattern

),

rated as (

    select
        user_id,
        min(rule_id) as rule_id,
        count(*) as n_rules,
        max(case when has_bought then 1 else 0 end) as has_bought
    from {{ ref('paces') }}
    group by user_id

),

final as (

    select
        people.user_id,
        coalesce(named.rule_id, rated.rule_id) as rule_id,
        coalesce(named.traffic, 'bot') as traffic,
        named.user_id is not null
        or (rated.has_bought = 0 and (people.has_logged_in = 0 or rated.n_rules > 1)) as is_left_out,
        cast(people.n_events as bigint) as n_events
    from people
    left join named
        on people.user_id = named.user_id
            and named.place = 1
    left join rated
        on people.user_id = rated.user_id
    where coalesce(named.traffic, 'bot') <> 'person'
        and (named.user_id is not null or rated.user_id is not null)

)

select * from final
