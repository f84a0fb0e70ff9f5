-- one row per (input, day): how many rows of an input are of a day, before the as-of date
{{ config(materialized='ephemeral') }}
{% set inputs = {
    'events': (ref('person_events'), 'occurred_at'),
    'items': (ref('kindred', 'items'), 'created_at'),
    'users': (ref('kindred', 'users'), 'created_at'),
    'consents': (ref('typed_consents'), 'updated_at'),
} %}

with as_of as (select max(as_of) as as_of from {{ ref('folds') }}),

final as (

    {% for input, (relation, column) in inputs.items() %}
    select
        '{{ input }}' as input,
        date_trunc('day', dated.{{ column }}) as day,
        count(*) as n_rows,
        max(dated.{{ column }}) as newest_at
    from {{ relation }} as dated
    inner join as_of
        on dated.{{ column }} < as_of.as_of
    group by date_trunc('day', dated.{{ column }})
    {{ "union all" if not loop.last }}
    {% endfor %}

)

select * from final
