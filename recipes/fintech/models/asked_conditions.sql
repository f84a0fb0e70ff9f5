-- one row per (customer_id, offer_id, rule_id): a condition of an offer, and whether the customer meets it
-- A customer of whom the field isn't known doesn't meet a condition, nor does anybody meet one that can't be read.
with customers as (select user_id from {{ ref('kindred', 'user_features') }} where fold = 'live'),

conditions as (select * from {{ ref('kindred', 'checked_eligibility') }}),

item_conditions as (select * from {{ ref('kindred', 'item_conditions') }}),

answers as (select * from {{ ref('kindred', 'eligibility_answers') }}),

known_fields as (select * from {{ ref('known_fields') }}),

final as (

    select
        customers.user_id as customer_id,
        item_conditions.item_id as offer_id,
        item_conditions.rule_id,
        conditions.field,
        concat(
            conditions.operator, case when conditions.value is null then '' else concat(' ', conditions.value) end
        ) as asked,
        coalesce(known_fields.known, 'unknown') as known,
        case
            when answers.is_met then 'met'
            when known_fields.known is null then 'unknown'
            else 'not met'
        end as answer
    from customers
    cross join item_conditions
    inner join conditions
        on item_conditions.rule_id = coalesce(conditions.rule_id, '')
    left join answers
        on customers.user_id = answers.user_id
            and item_conditions.rule_id = answers.rule_id
    left join known_fields
        on customers.user_id = known_fields.user_id
            and conditions.field = known_fields.field

)

select * from final
