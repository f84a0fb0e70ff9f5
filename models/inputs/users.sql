-- one row per user that the users table knows; empty where there is no such table
with typed_users as (select * from {{ ref('typed_users') }} where user_id is not null),

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
    from typed_users

),

segments as (

    {{ kindred.usual_spellings('typed_users', 'segment') }}

),

final as (

    select
        numbered.user_id,
        numbered.country,
        numbered.preferences,
        numbered.attributes,
        segments.usual_spelling as segment,
        numbered.created_at
    from numbered
    left join segments
        on numbered.segment = segments.spelling
    where numbered.occurrence = 1

)

select * from final
