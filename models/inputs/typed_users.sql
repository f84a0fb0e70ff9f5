-- one row per row of the raw users, in the contract's types; none where there is no such table
{{ config(materialized='view') }}
{% set relation = kindred.input_relation('users') %}
{% set segment_by = kindred.setting('lists', 'segment_by') %}

with source_rows as (

    select
        {{ kindred.select_input_columns('users') }}
    {{ 'from ' ~ relation if relation is not none else 'where false' }}

),

final as (

    select
        user_id,
        user_id_text,
        country,
        preferences,
        attributes,
        {{ kindred.normal_text(segment_by) if segment_by else 'cast(null as varchar)' }} as segment,
        created_at,
        created_at_text
    from source_rows

)

select * from final
