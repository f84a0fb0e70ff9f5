-- one row per rule_id of a condition on a set that asks for a word which no user has: the first of these words
{{ config(materialized='ephemeral') }}

with conditions_on_sets as (

    select
        rule_id,
        field,
        value
    from {{ ref('typed_eligibility') }}
    where operator in ('has', 'has_none')
        and n_rows_of_id = 1

),

asked_words as (

    {{ kindred.set_words('conditions_on_sets', 'value', keep=['rule_id', 'field']) }}

),

sets as (

    select
        user_fields.field,
        user_fields.value
    from {{ ref('user_fields') }} as user_fields
    inner join conditions_on_sets
        on user_fields.field = conditions_on_sets.field
    group by
        user_fields.field,
        user_fields.value

),

words as (

    {{ kindred.set_words('sets', 'value', keep=['field']) }}

),

known_words as (

    select
        field,
        word
    from words
    where word is not null
    group by
        field,
        word

),

final as (

    select
        asked_words.rule_id,
        min(asked_words.word) as word
    from asked_words
    left join known_words
        on asked_words.field = known_words.field
            and asked_words.word = known_words.word
    where asked_words.word is not null
        and known_words.word is null
    group by asked_words.rule_id

)

select * from final
