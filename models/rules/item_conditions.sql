-- one row per (item_id, rule_id): which conditions an item is under
-- A condition with a problem is here, too: nobody meets it, so that what it is for is shown to nobody.
with conditions as (

    select
        rule_id,
        item_id,
        category,
        brand
    from {{ ref('checked_eligibility') }}

),

matched as (

    select
        items.item_id,
        coalesce(conditions.rule_id, '') as rule_id
    from conditions
    inner join {{ ref('kindred', 'items') }} as items
        on (conditions.item_id = items.item_id or conditions.item_id is null)
            and (conditions.category = items.category or conditions.category is null)
            and (conditions.brand = items.brand or conditions.brand is null)
    group by
        items.item_id,
        coalesce(conditions.rule_id, '')

),

-- Few sets of conditions stand for many items: whether a person meets a set is decided once.
sets as (

    select
        item_id,
        {{ kindred.json_rows(['rule_id'], order_by='rule_id') }} as eligibility
    from matched
    group by item_id

),

final as (

    select
        matched.item_id,
        matched.rule_id,
        sets.eligibility
    from matched
    inner join sets
        on matched.item_id = sets.item_id

)

select * from final
