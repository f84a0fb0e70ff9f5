-- one row per row of the raw consents, in the types of the contract, with the purpose that its spelling means
{{ config(materialized='view') }}

with source_rows as (

    {{ kindred.select_person_rows('consents') }}

),

purposes as (

    select
        {{ kindred.select_table_columns('purposes') }}
    from {{ kindred.table_relation('purposes') }}

),

-- personalization, which kindred acts on, is known whatever the table of purposes says.
listed as (

    select
        spelling,
        purpose,
        coalesce(is_question, purpose <> spelling) as is_question,
        coalesce(is_opt_out, false) as is_opt_out
    from purposes
    where spelling is not null
        and purpose is not null
        and spelling <> 'personalization'

    union all

    select
        'personalization' as spelling,
        'personalization' as purpose,
        false as is_question,
        false as is_opt_out

),

spellings as (

    select
        spelling,
        min(purpose) as purpose,
        max(case when is_question then 1 else 0 end) = 1 as is_question,
        max(case when is_opt_out then 1 else 0 end) = 1 as is_opt_out
    from listed
    group by spelling

),

final as (

    select
        case when not source_rows.is_blocked then source_rows.user_id end as user_id,
        source_rows.user_id_text,
        source_rows.is_blocked,
        source_rows.purpose as spelling,
        source_rows.purpose_text as spelling_text,
        spellings.purpose,
        coalesce(spellings.is_question, true) as is_question,
        coalesce(spellings.is_opt_out, false) as is_opt_out,
        -- A yes to an opt-out is a no to its purpose.
        case when spellings.is_opt_out then not source_rows.is_granted else source_rows.is_granted end as is_granted,
        source_rows.is_granted_text,
        source_rows.updated_at,
        source_rows.updated_at_text,
        source_rows.source
    from source_rows
    left join spellings
        on source_rows.purpose = spellings.spelling

)

select * from final
