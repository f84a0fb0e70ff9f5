-- one row per row of the table of reason texts, and per text that is missing, with what is wrong with it
with declared as (

    select
        {{ kindred.select_table_columns('reason_texts') }}
    from {{ kindred.table_relation('reason_texts') }}

),

counted as (

    select
        reason,
        language,
        text_with_item,
        text_alone,
        coalesce(regexp_replace(language, '^[a-z][a-z]$', '') = '', false) as is_language,
        count(*) over (partition by reason, language) as n_rows_of_text
    from declared

),

-- What is said in one language is said in all, and in English: so a list is in one language.
languages as (

    select language
    from counted
    where is_language

    union

    select 'en' as language

),

reasons as (

    select reason
    from counted
    where reason is not null

    union

    select reason
    from {{ ref('kindred', 'reason_texts') }}
    where reason is not null

),

missing as (

    select
        reasons.reason,
        languages.language
    from reasons
    cross join languages
    left join counted
        on reasons.reason = counted.reason
            and languages.language = counted.language
    where counted.reason is null

),

final as (

    select
        concat(coalesce(language, ''), '|', coalesce(reason, '')) as text_id,
        language,
        reason,
        text_with_item,
        text_alone,
        case
            when reason is null then 'it has no reason: write the code whose text it is'
            when not is_language
                then concat('language is ''', coalesce(language, ''), ''': write two letters, such as en')
            when n_rows_of_text > 1 then 'it stands more than once: keep one row per reason and language'
            when text_alone is null then 'it has no text_alone: write what is said where there is no item to name'
            when contains(text_alone, '{') or contains(text_alone, '}')
                then 'text_alone has a placeholder, and no item to put there: write it without { and }'
            when not contains(text_with_item, '{item}')
                then 'text_with_item lacks {item}: write it where the title belongs, or leave text_with_item empty'
            when contains(replace(text_with_item, '{item}', ''), '{')
                or contains(replace(text_with_item, '{item}', ''), '}')
                then 'text_with_item has another placeholder than {item}: no other is known'
        end as problem
    from counted

    union all

    select
        concat(language, '|', reason) as text_id,
        language,
        reason,
        cast(null as varchar) as text_with_item,
        cast(null as varchar) as text_alone,
        'there is no such text: add a row with this reason and language' as problem
    from missing

)

select * from final
