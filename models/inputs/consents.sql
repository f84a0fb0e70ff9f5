-- one row per (user_id, purpose, updated_at); empty where there is no consents table
{% set has_consents = kindred.input_relation('consents') is not none %}

with source_rows as (

    select
        {{ kindred.select_input_columns('consents') }}
    {% if has_consents -%}
    from {{ kindred.input_relation('consents') }}
    {%- else -%}
    where false
    {%- endif %}

),

-- An answer that can't be read, or two answers at once, count as a refusal.
final as (

    select
        user_id,
        purpose,
        min(case when is_granted then 1 else 0 end) = 1 as is_granted,
        updated_at
    from source_rows
    where user_id is not null
        and purpose is not null
        and updated_at is not null
    group by
        user_id,
        purpose,
        updated_at

)

select * from final
