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
