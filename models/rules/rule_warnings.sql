-- one row per rule that does less than it says: the first reason why
with typed_rules as (select * from {{ ref('typed_rules') }} where n_rows_of_id = 1),

items as (select * from {{ ref('kindred', 'items') }}),

segments as (select segment from {{ ref('kindred', 'users') }} where segment is not null group by segment),

policies as (

    select policy
    from (
        select {{ kindred.select_table_columns('policies') }}
        from {{ kindred.table_relation('policies') }}
    ) as named
    union distinct
    select 'main' as policy

),

matched as (

    select
        typed_rules.rule_id,
        count(*) as n_items
    from typed_rules
    inner join items
        on (typed_rules.item_id = items.item_id or typed_rules.item_id is null)
            and (typed_rules.category = items.category or coalesce(typed_rules.category, '*') = '*')
            and (typed_rules.brand = items.brand or coalesce(typed_rules.brand, '*') = '*')
    group by typed_rules.rule_id

),

-- Pins that want the same rank for some of the same people at the same time.
rivals as (

    select
        pins.rule_id,
        min(earlier.rule_id) as earlier_rule_id
    from typed_rules as pins
    inner join typed_rules as earlier
        on pins.rule_id > earlier.rule_id
            and pins.amount = earlier.amount
            and (pins.segment = earlier.segment or pins.segment is null or earlier.segment is null)
            and (pins.activity = earlier.activity or pins.activity is null or earlier.activity is null)
            and (pins.policy = earlier.policy or pins.policy is null or earlier.policy is null)
            and (pins.starts_at < earlier.ends_at or pins.starts_at is null or earlier.ends_at is null)
            and (pins.ends_at > earlier.starts_at or earlier.starts_at is null or pins.ends_at is null)
    where pins.action = 'pin'
        and earlier.action = 'pin'
    group by pins.rule_id

),

checked as (

    select
        typed_rules.rule_id,
        case
            when matched.rule_id is null
                then 'no item matches its item_id, category and brand: correct them, or delete the rule'
            when typed_rules.segment is not null and segments.segment is null
                then 'no user is in its segment: correct it (see kindred__lists: {segment_by: ...}), or delete the rule'
            when typed_rules.policy is not null and policies.policy is null
                then 'no policy has the name of its policy: correct it (table policies), or delete the rule'
            when typed_rules.action = 'pin' and typed_rules.amount > {{ kindred.setting('lists', 'n_recommendations') }}
                then 'its rank is beyond the end of the list: give a rank up to n_recommendations of kindred__lists'
            when rivals.rule_id is not null
                then concat('rule ', rivals.earlier_rule_id, ' pins at the same rank, this gets the next: give another')
        end as warning
    from typed_rules
    left join matched
        on typed_rules.rule_id = matched.rule_id
    left join segments
        on typed_rules.segment = segments.segment
    left join policies
        on typed_rules.policy = policies.policy
    left join rivals
        on typed_rules.rule_id = rivals.rule_id

),

final as (

    select
        rule_id,
        warning
    from checked
    where warning is not null

)

select * from final
