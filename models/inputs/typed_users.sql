-- one row per row of the raw users, in the types of the contract; none where there is no such table
{{ config(materialized='view') }}
{% set segment_by = kindred.setting('lists', 'segment_by') %}

with source_rows as (

    {{ kindred.select_person_rows('users') }}

),

final as (

    select
        case when not is_blocked then user_id end as user_id,
        user_id_text,
        is_blocked,
        country,
        preferences,
        attributes,
        {{ kindred.normal_text(segment_by) if segment_by else 'cast(null as varchar)' }} as segment,
        created_at,
        created_at_text
    from source_rows

)

select * from final
