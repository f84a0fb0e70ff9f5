-- one row per row of the raw consents, in the types of the contract, with the purpose that its spelling means
{{ config(materialized='view') }}
{% set relation = kindred.input_relation('consents') %}

with source_rows as (

    select
        {{ kindred.select_input_columns('consents') }}
    {{ 'from ' ~ relation if relation is not none else 'where false' }}

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

blocked_ids as (

    {{ kindred.select_blocked_ids() }}

),

final as (

    select
        case when not {{ kindred.names_nobody('source_rows.user_id') }} then source_rows.user_id end as user_id,
        source_rows.user_id_text,
        coalesce({{ kindred.names_nobody('source_rows.user_id') }}, false) as is_blocked,
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
    left join blocked_ids
        on lower(source_rows.user_id) = blocked_ids.blocked_id
    left join {{ ref('forgotten_spellings') }} as forgotten
        on {{ kindred.spelling_hash('source_rows.user_id') }} = forgotten.spelling_hash
    where forgotten.spelling_hash is null

)

select * from final
