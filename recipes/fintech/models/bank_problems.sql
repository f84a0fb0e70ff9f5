-- one row per thing in what the bank brings that stops the build, with how to mend it
{{ config(materialized='view') }}

with versions as (

    select
        customer_id,
        valid_from,
        count(*) as n_versions
    from {{ source('raw', 'customer_versions') }}
    group by
        customer_id,
        valid_from

),

-- Spending profiles and signals compare amounts with everybody's.
currencies as (

    select
        coalesce(currency, 'none') as currency,
        count(*) as n_entries
    from {{ source('raw', 'card_payments') }}
    group by coalesce(currency, 'none')

),

languages as (select language from {{ ref('decline_texts') }} group by language),

codes as (

    select rule_id as code
    from {{ ref('fintech_eligibility') }}
    group by rule_id

    union all

    select concat('unknown_', field) as code
    from {{ ref('fintech_eligibility') }}
    group by field

),

texts as (

    select
        code,
        language
    from {{ ref('decline_texts') }}
    group by
        code,
        language
    having count(*) = 1

),

final as (

    select
        customer_id as id,
        concat(
            'it has ', cast(n_versions as varchar), ' rows in customer_versions with valid_from ',
            cast(valid_from as varchar), ', and none is newer: keep one of them'
        ) as problem
    from versions
    where n_versions > 1

    union all

    select
        min(currency) as id,
        concat(
            'card_payments has amounts in ', min(currency), ' and in ', max(currency),
            ', which are compared with each other: convert them into one currency'
        ) as problem
    from currencies
    having count(*) > 1

    union all

    select
        codes.code as id,
        concat(
            'decline_texts must have one row of it in the language ''', languages.language, ''': add or delete rows'
        ) as problem
    from codes
    cross join languages
    left join texts
        on codes.code = texts.code
            and languages.language = texts.language
    where texts.code is null

)

select * from final
