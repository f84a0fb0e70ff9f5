-- one row per spelling of a forgotten id that the inputs of this build have, as the warehouse's own hash of it
-- The door: what has such an id is in no table. Keyed hashes are made of each id once, not of each row.
with spellings as (

    {% if kindred.has_forgotten() -%}
    {% for input, column in kindred.person_columns() -%}
    select {{ column }} as spelling
    from (
        select
            {{ kindred.select_input_columns(input) }}
        from {{ kindred.input_relation(input) }}
    ) as source_rows
    where {{ column }} is not null
    group by {{ column }}

    union

    {% endfor -%}
    {% endif -%}
    select cast(null as varchar) as spelling
    where false

),

forms as (

    select
        spelling,
        {{ kindred.normal_id('spelling') }} as identity_id
    from spellings

),

found as (

    select
        forms.spelling,
        forms.identity_id
    from forms
    cross join {{ ref('forgotten_key') }} as forgotten_key
    inner join {{ ref('forgotten_ids') }} as forgotten_ids
        on {{ kindred.id_hash('forms.identity_id', 'forgotten_key.hash_key') }} = forgotten_ids.id_hash

),

final as (

    select {{ kindred.spelling_hash('spelling') }} as spelling_hash from found
    union
    select {{ kindred.spelling_hash('identity_id') }} as spelling_hash from found

)

select * from final
