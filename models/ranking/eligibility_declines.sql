-- one row per rule_id of the table of eligibility: how many people it keeps items from, and why
with people as (select count(*) as n_people from {{ ref('user_features') }} where fold = 'live'),

answers as (

    select
        answers.rule_id,
        count(*) as n_known,
        sum(case when answers.is_met then 1 else 0 end) as n_eligible
    from {{ ref('eligibility_answers') }} as answers
    inner join {{ ref('user_features') }} as user_features
        on answers.user_id = user_features.user_id
            and user_features.fold = 'live'
    group by answers.rule_id

),

items as (

    select
        rule_id,
        count(*) as n_items
    from {{ ref('item_conditions') }}
    group by rule_id

),

final as (

    select
        checked.rule_id,
        checked.field,
        checked.operator,
        checked.value,
        cast(coalesce(items.n_items, 0) as bigint) as n_items,
        cast(people.n_people as bigint) as n_people,
        cast(coalesce(answers.n_eligible, 0) as bigint) as n_eligible,
        cast(coalesce(answers.n_known - answers.n_eligible, 0) as bigint) as n_declined,
        cast(people.n_people - coalesce(answers.n_known, 0) as bigint) as n_unknown
    from {{ ref('checked_eligibility') }} as checked
    cross join people
    left join answers
        on checked.rule_id = answers.rule_id
    left join items
        on checked.rule_id = items.rule_id
    where checked.problem is null

)

select * from final
