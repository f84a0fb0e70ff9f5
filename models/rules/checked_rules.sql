-- one row per rule of the table of rules, with what is wrong with it
with typed_rules as (select * from {{ ref('typed_rules') }}),

rule_problems as (select * from {{ ref('rule_problems') }}),

rule_warnings as (select * from {{ ref('rule_warnings') }}),

final as (

    select
        typed_rules.rule_id,
        typed_rules.action,
        typed_rules.item_id,
        typed_rules.category,
        typed_rules.brand,
        typed_rules.segment,
        typed_rules.activity,
        typed_rules.policy,
        cast(typed_rules.amount as double) as amount,
        rule_problems.problem,
        case when rule_problems.problem is null then rule_warnings.warning end as warning,
        typed_rules.starts_at,
        typed_rules.ends_at
    from typed_rules
    left join rule_problems
        on typed_rules.rule_id = rule_problems.rule_id
            or (typed_rules.rule_id is null and rule_problems.rule_id is null)
    left join rule_warnings
        on typed_rules.rule_id = rule_warnings.rule_id

)

select * from final
