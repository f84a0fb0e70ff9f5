-- one row per (fold, rule_id, item_id): which rule counts for which item at the fold's moment
with rules as (

    select
        folds.fold,
        checked_rules.*
    from {{ ref('checked_rules') }} as checked_rules
    inner join {{ ref('folds') }} as folds
        on (checked_rules.starts_at <= folds.learns_until or checked_rules.starts_at is null)
            and (checked_rules.ends_at > folds.learns_until or checked_rules.ends_at is null)
    where checked_rules.problem is null

),

final as (

    select
        rules.fold,
        rules.rule_id,
        items.item_id,
        rules.action,
        rules.segment,
        rules.activity,
        rules.policy,
        -- What a cap counts together: all that the rule names, or with '*' each category or brand for itself.
        concat(
            case when rules.category = '*' then items.category else '' end,
            '|',
            case when rules.brand = '*' then items.brand else '' end
        ) as counted_as,
        rules.amount
    from rules
    inner join {{ ref('kindred', 'items') }} as items
        on (rules.item_id = items.item_id or rules.item_id is null)
            and (rules.category = items.category or rules.category is null or rules.category = '*')
            and (rules.brand = items.brand or rules.brand is null or rules.brand = '*')
    where (items.category is not null or coalesce(rules.category, '') <> '*')
        and (items.brand is not null or coalesce(rules.brand, '') <> '*')

)

select * from final
