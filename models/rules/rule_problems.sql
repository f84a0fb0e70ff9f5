-- one row per rule that can't be used (of rules with the same rule_id, one): the first reason why
with typed_rules as (select * from {{ ref('typed_rules') }}),

checked as (

    select
        rule_id,
        case
            when rule_id is null then 'it has no rule_id: give it one'
            when n_rows_of_id > 1 then 'its rule_id stands more than once: give each rule its own'
            when coalesce(action, '') not in ('exclude', 'boost', 'bury', 'pin', 'cap')
                then concat('action is ''', coalesce(action, ''), ''': give exclude, boost, bury, pin or cap')
            when coalesce(item_id, category, brand) is null
                then 'it names no items: fill in item_id, category or brand'
            when action = 'pin' and item_id is null
                then 'a pin puts one item at one rank: fill in item_id'
            when action = 'cap' and item_id is not null
                then 'a cap counts the items of a category or brand: leave item_id empty (or exclude)'
            when action <> 'cap' and (category = '*' or brand = '*')
                then '* means each category or brand for itself, which only a cap can use: leave it empty'
            when activity not in ('cold', 'warm', 'hot')
                then concat('activity is ''', activity, ''': write cold, warm, hot or nothing')
            when starts_at_text is not null and starts_at is null
                then concat('starts_at is ''', starts_at_text, ''': write a UTC date or time, 2026-12-01')
            when ends_at_text is not null and ends_at is null
                then concat('ends_at is ''', ends_at_text, ''': write a UTC time, 2026-12-24 18:00:00')
            when ends_at <= starts_at
                then 'it ends before it starts: ends_at must be later than starts_at'
            when action = 'boost' and not coalesce(amount > 1 and amount <= 1000, false)
                then 'amount of a boost is what the score is multiplied by: write a number above 1, at most 1000'
            when action = 'bury' and not coalesce(amount >= 0.001 and amount < 1, false)
                then 'amount of a bury is what the score is multiplied by: write a number from 0.001 to below 1'
            when action = 'pin' and not coalesce(amount between 1 and 1e6 and floor(amount) = amount, false)
                then 'amount of a pin is the rank where the item stands: write a whole number from 1'
            when action = 'cap' and not coalesce(amount between 0 and 1e6 and floor(amount) = amount, false)
                then 'amount of a cap is how many items a list may have: write a whole number from 0'
        end as problem
    from typed_rules

),

final as (

    select
        rule_id,
        min(problem) as problem
    from checked
    where problem is not null
    group by rule_id

)

select * from final
