-- one row per (input, entity_id, problem, fate): missing, unreadable and repeated values of items, users and consents
{{ config(materialized='view') }}

with counted as (

    select
        input,
        entity_id,
        problem,
        min(example) as example,
        fate,
        count(*) as n_rows
    from {{ ref('invalid_values') }}
    group by
        input,
        entity_id,
        problem,
        fate

),

repeated as (

    {% for input, key, fate in [
        ('items', 'item_id', 'newest row kept'), ('users', 'user_id', 'newest row kept'),
        ('consents', 'user_id, spelling, updated_at', 'taken as one answer, a refusal where they differ'),
    ] %}
    select
        '{{ input }}' as input,
        {{ key.split(',')[0] }} as entity_id,
        'repeated_{{ 'answer' if ',' in key else key }}' as problem,
        cast(null as varchar) as example,
        '{{ fate }}' as fate,
        count(*) - 1 as n_rows
    from {{ ref('typed_' ~ input) }}
    where {{ key | replace(', ', ' is not null and ') }} is not null
    group by {{ key }}
    having count(*) > 1
    {{ "union all" if not loop.last }}
    {% endfor %}

),

final as (

    select * from counted
    union all
    select * from repeated

)

select * from final
