-- one row per (input, entity_id, problem, fate): what is wrong with rows of the inputs, and what became of them
with event_problems as (select * from {{ ref('event_problems') }}),

spelling_problems as (select * from {{ ref('spelling_problems') }}),

value_problems as (select * from {{ ref('value_problems') }}),

person_id_problems as (select * from {{ ref('person_id_problems') }}),

problems as (

    select
        'events' as input,
        entity_id,
        problem,
        example,
        fate,
        n_rows
    from event_problems

    {% for model in ['spelling_problems', 'value_problems', 'person_id_problems'] -%}
    union all

    select
        input,
        entity_id,
        problem,
        example,
        fate,
        n_rows
    from {{ model }}
    {% endfor %}
),

final as (

    select
        input,
        entity_id,
        problem,
        min(example) as rejected_text,
        fate,
        cast(sum(n_rows) as bigint) as n_rows
    from problems
    group by
        input,
        entity_id,
        problem,
        fate

)

select * from final
