-- one row per (user_id, rule_id) of a person of whom a condition's field is known: whether the condition holds
with conditions as (

    select
        rule_id,
        field,
        operator,
        lower(value) as value,
        {{ kindred.try_convert('value', 'varchar', 'number') }} as number
    from {{ ref('checked_eligibility') }}
    where problem is null

),

-- All accounts of a person are asked.
known as (

    select
        identities.user_id,
        user_fields.field,
        lower(user_fields.value) as value,
        {{ kindred.try_convert('user_fields.value', 'varchar', 'number') }} as number
    from {{ ref('user_fields') }} as user_fields
    inner join {{ ref('identities') }} as identities
        on user_fields.user_id = identities.identity_id
    where identities.user_id is not null

),

-- Fields that are sets are asked word by word.
sets as (

    select
        known.user_id,
        known.field,
        known.value
    from known
    inner join conditions
        on known.field = conditions.field
    where conditions.operator in ('has', 'has_none')
    group by
        known.user_id,
        known.field,
        known.value

),

words as (

    {{ kindred.set_words('sets', 'value', keep=['user_id', 'field', 'value']) }}

),

conditions_on_sets as (

    select
        rule_id,
        field,
        operator,
        value
    from conditions
    where operator in ('has', 'has_none')

),

asked_words as (

    {{ kindred.set_words('conditions_on_sets', 'value', keep=['rule_id']) }}

),

compared as (

    select
        sets.user_id,
        sets.value,
        conditions.rule_id,
        conditions.operator,
        count(asked_words.word) as n_found,
        -- What may be several words, or none, may hide one that is asked for.
        count(words.user_id) - count(words.word) as n_unclear
    from sets
    inner join conditions_on_sets as conditions
        on sets.field = conditions.field
    left join words
        on sets.user_id = words.user_id
            and sets.field = words.field
            and sets.value = words.value
    left join asked_words
        on conditions.rule_id = asked_words.rule_id
            and words.word = asked_words.word
    group by
        sets.user_id,
        sets.value,
        conditions.rule_id,
        conditions.operator

),

-- NaN and infinity are above every number, and no age.
answered as (

    select
        known.user_id,
        conditions.rule_id,
        case conditions.operator
            when '=' then known.value = conditions.value
            when 'in'
                then not contains(known.value, '|')
                    and contains(
                        replace(replace(concat('|', conditions.value, '|'), ' |', '|'), '| ', '|'),
                        concat('|', known.value, '|')
                    )
            when '>=' then abs(known.number) < 1e12 and known.number >= conditions.number
            when '<=' then abs(known.number) < 1e12 and known.number <= conditions.number
            when 'known' then true
        end as is_met
    from conditions
    inner join known
        on conditions.field = known.field
    where conditions.operator not in ('has', 'has_none')

    union all

    select
        user_id,
        rule_id,
        case operator
            when 'has' then n_found > 0
            when 'has_none' then n_found = 0 and n_unclear = 0
        end as is_met
    from compared

),

-- Where two accounts of a person say different things, both must hold.
final as (

    select
        user_id,
        rule_id,
        min(case when coalesce(is_met, false) then 1 else 0 end) = 1 as is_met
    from answered
    group by
        user_id,
        rule_id

)

select * from final
