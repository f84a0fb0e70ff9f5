-- one row per row of the raw identity links, in the types of the contract; none where there is no such table
{{ config(materialized='view') }}
{% set relation = kindred.input_relation('identity_links') %}

with source_rows as (

    select
        {{ kindred.select_input_columns('identity_links') }}
    {{ 'from ' ~ relation if relation is not none else 'where false' }}

),

blocked_ids as (

    {{ kindred.select_blocked_ids() }}

),

final as (

    select
        source_rows.left_id,
        source_rows.right_id,
        coalesce(source_rows.kind, 'alias') as kind,
        source_rows.linked_at,
        source_rows.linked_at_text,
        case
            when source_rows.left_id is null or source_rows.right_id is null then 'missing_id'
            when coalesce({{ kindred.names_nobody('source_rows.left_id', 'blocked_left') }}, false)
                or coalesce({{ kindred.names_nobody('source_rows.right_id', 'blocked_right') }}, false)
                then 'blocked_identity'
            when coalesce(source_rows.kind, 'alias') not in ('alias', 'email') then 'unknown_kind'
            when source_rows.linked_at is null and source_rows.linked_at_text is not null then 'invalid_linked_at'
        end as rejection_reason
    from source_rows
    left join blocked_ids as blocked_left
        on lower(source_rows.left_id) = blocked_left.blocked_id
    left join blocked_ids as blocked_right
        on lower(source_rows.right_id) = blocked_right.blocked_id
    left join {{ ref('forgotten_spellings') }} as forgotten_left
        on {{ kindred.spelling_hash('source_rows.left_id') }} = forgotten_left.spelling_hash
    left join {{ ref('forgotten_spellings') }} as forgotten_right
        on {{ kindred.spelling_hash('source_rows.right_id') }} = forgotten_right.spelling_hash
    where forgotten_left.spelling_hash is null
        and forgotten_right.spelling_hash is null

)

select * from final
