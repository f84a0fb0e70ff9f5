-- one row per (input, entity_id, problem): what is wrong with rows of items, users or consents, and their fate
{% set keys = {'items': ['item_id'], 'users': ['user_id'], 'consents': ['user_id', 'purpose', 'updated_at']} %}
{% set fates = {
    'items': {'repeated': 'newest row kept', 'invalid': 'value taken as empty'},
    'users': {'repeated': 'newest row kept', 'invalid': 'value taken as empty'},
    'consents': {'repeated': 'taken as one answer, a refusal where they differ', 'invalid': 'taken as a refusal'},
} %}

with
{% for input, key in keys.items() %}
{{ input }}_rows as (

    select
        {{ kindred.select_input_columns(input) }}
    {% if kindred.input_relation(input) is not none -%}
    from {{ kindred.input_relation(input) }}
    {%- else -%}
    where false
    {%- endif %}

),
{% endfor %}
problems as (

    {% for input, key in keys.items() %}
    {% for column in key %}
    select
        '{{ input }}' as input,
        {{ key[0] }} as entity_id,
        'missing_{{ column }}' as problem,
        cast(null as varchar) as rejected_text,
        'row set aside' as fate,
        count(*) as n_rows
    from {{ input }}_rows
    where {{ column }} is null
        {%- if kindred.input_contract(input)[column].kind != 'text' %}
        and {{ column }}_text is null
        {%- endif %}
    group by {{ key[0] }}

    union all
    {% endfor %}
    {% for column, rule in kindred.input_contract(input).items() if rule.kind != 'text' %}
    select
        '{{ input }}' as input,
        {{ key[0] }} as entity_id,
        'invalid_{{ column }}' as problem,
        min({{ column }}_text) as rejected_text,
        '{{ 'row set aside' if column in key else fates[input].invalid }}' as fate,
        count(*) as n_rows
    from {{ input }}_rows
    where {{ column }} is null
        and {{ column }}_text is not null
    group by {{ key[0] }}

    union all
    {% endfor %}
    select
        '{{ input }}' as input,
        {{ key[0] }} as entity_id,
        'repeated_{{ key | join('_') }}' as problem,
        cast(null as varchar) as rejected_text,
        '{{ fates[input].repeated }}' as fate,
        count(*) - 1 as n_rows
    from {{ input }}_rows
    where {{ key | join(' is not null and ') }} is not null
    group by {{ key | join(', ') }}
    having count(*) > 1
    {{ "union all" if not loop.last }}
    {% endfor %}

),

final as (

    select
        input,
        entity_id,
        problem,
        min(rejected_text) as rejected_text,
        min(fate) as fate,
        cast(sum(n_rows) as bigint) as n_rows
    from problems
    group by
        input,
        entity_id,
        problem

)

select * from final
