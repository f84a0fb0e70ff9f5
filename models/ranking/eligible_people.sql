-- one row per (user_id, eligibility): who meets all conditions of a set
with sets as (

    select
        eligibility,
        rule_id
    from {{ ref('item_conditions') }}
    group by
        eligibility,
        rule_id

),

sizes as (

    select
        eligibility,
        count(*) as n_rules
    from sets
    group by eligibility

),

met as (

    select
        answers.user_id,
        sets.eligibility,
        count(*) as n_met
    from {{ ref('eligibility_answers') }} as answers
    inner join sets
        on answers.rule_id = sets.rule_id
    where answers.is_met
    group by
        answers.user_id,
        sets.eligibility

),

final as (

    select
        met.user_id,
        met.eligibility
    from met
    inner join sizes
        on met.eligibility = sizes.eligibility
            and met.n_met = sizes.n_rules

)

select * from final
