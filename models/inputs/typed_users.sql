-- one row per row of the raw users, in the types of the contract; none where there is no such table
{{ config(materialized='view') }}
{% set relation = kindred.input_relation('users') %}
{% set segment_by = kindred.setting('lists', 'segment_by') %}

with source_rows as (

    select
        {{ kindred.select_input_columns('users') }}
    {{ 'from ' ~ relation if relation is not none else 'where false' }}

),

blocked_ids as (

    {{ kindred.select_blocked_ids() }}

),

final as (

    select
        case when not {{ kindred.names_nobody('source_rows.user_id') }} then source_rows.user_id end as user_id,
        source_rows.user_id_text,
        coalesce({{ kindred.names_nobody('source_rows.user_id') }}, false) as is_blocked,
        source_rows.country,
        source_rows.preferences,
        source_rows.attributes,
        {{ kindred.normal_text('source_rows.' ~ segment_by) if segment_by else 'cast(null as varchar)' }} as segment,
        source_rows.created_at,
        source_rows.created_at_text
    from source_rows
    left join blocked_ids
        on lower(source_rows.user_id) = blocked_ids.blocked_id
    left join {{ ref('forgotten_spellings') }} as forgotten
        on {{ kindred.spelling_hash('source_rows.user_id') }} = forgotten.spelling_hash
    where forgotten.spelling_hash is null

)

select * from final
