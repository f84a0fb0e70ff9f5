-- one row per row of the table of eligibility, with what is wrong with it
{% do kindred.require_rows('eligibility', 'everybody would be shown everything') %}

with typed as (select * from {{ ref('typed_eligibility') }}),

items as (select * from {{ ref('kindred', 'items') }}),

matched as (

    select typed.rule_id
    from typed
    inner join items
        on (typed.item_id = items.item_id or typed.item_id is null)
            and (typed.category = items.category or typed.category is null)
            and (typed.brand = items.brand or typed.brand is null)
    group by typed.rule_id

),

known_fields as (select field from {{ ref('user_fields') }} group by field),

unheard_words as (select * from {{ ref('unheard_words') }}),

final as (

    select
        typed.rule_id,
        typed.item_id,
        typed.category,
        typed.brand,
        typed.field,
        typed.operator,
        typed.value,
        case
            when typed.rule_id is null then 'it has no rule_id: give it one'
            when typed.n_rows_of_id > 1 then 'its rule_id stands more than once: give each condition its own'
            when coalesce(typed.item_id, typed.category, typed.brand) is null
                then 'it names no items: fill in item_id, category or brand'
            -- A misspelt word would protect nobody, and nobody would notice.
            when typed.is_unknown_category
                then concat('no item has the category ''', typed.category, ''': correct it, or delete the row')
            when typed.is_unknown_brand
                then concat('no item has the brand ''', typed.brand, ''': correct it, or delete the row')
            when typed.field is null
                then 'it names no field: write country, or a key of the attributes of users'
            when coalesce(typed.operator, '') not in ('=', 'in', '>=', '<=', 'known', 'has', 'has_none')
                then concat(
                        'operator is ''', coalesce(typed.operator, ''), ''': write =, in, >=, <=, known, has, has_none'
                    )
            when typed.operator = 'known' and typed.value is not null
                then 'known compares with nothing: leave value empty'
            when typed.operator <> 'known' and typed.value is null
                then 'it has no value: write what the field is compared with'
            when typed.operator in ('>=', '<=') and not coalesce(abs(typed.number) < 1e12, false)
                then concat('value is ''', typed.value, ''': write a number to compare with, such as 18')
            when typed.operator in ('in', 'has', 'has_none')
                and contains(concat('|', replace(typed.value, ' ', ''), '|'), '||')
                then 'value has an empty word: write words with | between them, such as DE|AT'
            when typed.operator in ('has', 'has_none')
                and (
                    translate(typed.value, '[]{},;', '') <> typed.value
                    or contains(concat('|', replace(lower(typed.value), ' ', ''), '|'), '|null|')
                )
                then concat('value is ''', typed.value, ''': write words with | between them, such as nuts|milk')
        end as problem,
        case
            when matched.rule_id is null
                then 'no item matches its item_id, category and brand: correct them, or delete the row'
            when known_fields.field is null
                then 'no user has its field, so nobody is eligible: correct it, or give users the field'
            -- Of has_none it would protect nobody.
            when unheard_words.word is not null
                then concat('no user has the word ''', unheard_words.word, ''' in its field: is it misspelt?')
        end as warning
    from typed
    left join matched
        on typed.rule_id = matched.rule_id
    left join known_fields
        on typed.field = known_fields.field
    left join unheard_words
        on typed.rule_id = unheard_words.rule_id

)

select * from final
