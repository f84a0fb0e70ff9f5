-- one row per row of the raw identity links, in the types of the contract; none where there is no such table
{{ config(materialized='view') }}

with source_rows as (

    {{ kindred.select_person_rows('identity_links') }}

),

final as (

    select
        left_id,
        right_id,
        coalesce(kind, 'alias') as kind,
        linked_at,
        linked_at_text,
        case
            when left_id is null or right_id is null then 'missing_id'
            when is_blocked then 'blocked_identity'
            when coalesce(kind, 'alias') not in ('alias', 'email') then 'unknown_kind'
            when linked_at is null and linked_at_text is not null then 'invalid_linked_at'
        end as rejection_reason
    from source_rows

)

select * from final
