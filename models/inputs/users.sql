-- one row per user that the users table knows; empty where there is no such table
{% set has_users = kindred.input_relation('users') is not none %}
{% set segment_by = kindred.setting('lists', 'segment_by') %}

with source_rows as (

    select
        {{ kindred.select_input_columns('users') }}
    {% if has_users -%}
    from {{ kindred.input_relation('users') }}
    {%- else -%}
    where false
    {%- endif %}

),

-- Of rows with the same id the newest is kept; `input_problems` counts the others.
numbered as (

    select
        *,
        row_number() over (
            partition by user_id
            order by
                created_at desc nulls last,
                country nulls last,
                preferences nulls last,
                attributes nulls last
        ) as occurrence
    from source_rows
    where user_id is not null

),

final as (

    select
        user_id,
        country,
        preferences,
        attributes,
        {{ segment_by or 'cast(null as varchar)' }} as segment,
        created_at
    from numbered
    where occurrence = 1

)

select * from final
