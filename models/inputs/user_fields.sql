-- one row per (user_id, field, value): what is known of a user, field by field: country and the keys of attributes
{{ config(materialized='view') }}

with users as (select * from {{ ref('kindred', 'users') }}),

attributes as (

    {{ kindred.json_fields('users', 'attributes', keep=['user_id']) }}

),

entries as (

    select
        user_id,
        field,
        value
    from attributes

    union all

    select
        user_id,
        'country' as field,
        country as value
    from users

),

-- A key without a value, a JSON null, says nothing.
final as (

    select
        user_id,
        {{ kindred.normal_text('field') }} as field,
        {{ kindred.normal_text('value') }} as value
    from entries
    where nullif(trim({{ kindred.normal_text('value') }}), '') is not null
        and lower(value) <> 'null'

)

select * from final
