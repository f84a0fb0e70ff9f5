-- one row per missing or unreadable value of items, users and consents: the problem, and the row's fate
{{ config(materialized='ephemeral') }}
{% set set_aside = "'row set aside'" %}
{% set refusal = "'taken as a refusal'" %}
{% set undated = "case when user_id is null or is_granted then " ~ set_aside ~ " else " ~ refusal ~ " end" %}
{% set ids = {'items': 'item_id', 'users': 'user_id', 'consents': 'user_id'} %}
{% set required = [
    ('items', 'item_id', set_aside),
    ('users', 'user_id', set_aside),
    ('consents', 'user_id', set_aside),
    ('consents', 'spelling', undated),
    ('consents', 'updated_at', undated),
    ('consents', 'is_granted', refusal),
] %}
{% set typed = [
    ('items', 'price', "'value taken as empty'"),
    ('items', 'margin', "'value taken as empty'"),
    ('items', 'is_available', "'taken as not available'"),
    ('items', 'created_at', "'value taken as empty'"),
    ('items', 'embedding', "'value taken as empty'"),
    ('users', 'created_at', "'value taken as empty'"),
    ('consents', 'is_granted', refusal),
    ('consents', 'updated_at', undated),
] %}

with typed_items as (select * from {{ ref('typed_items') }}),

typed_users as (select * from {{ ref('typed_users') }}),

typed_consents as (select * from {{ ref('typed_consents') }}),

missing as (

    {% for input, column, fate in required %}
    select
        '{{ input }}' as input,
        {{ ids[input] }} as entity_id,
        'missing_{{ 'purpose' if column == 'spelling' else column }}' as problem,
        cast(null as varchar) as example,
        {{ fate }} as fate
    from typed_{{ input }}
    where {{ column }} is null
        {{ 'and is_blocked is not true' if column == 'user_id' }}
        {{ 'and ' ~ column ~ '_text is null' if column in ['updated_at', 'is_granted'] }}
    {{ "union all" if not loop.last }}
    {% endfor %}

),

unreadable as (

    {% for input, column, fate in typed %}
    select
        '{{ input }}' as input,
        {{ ids[input] }} as entity_id,
        'invalid_{{ column }}' as problem,
        {{ column }}_text as example,
        {{ fate }} as fate
    from typed_{{ input }}
    where {{ column }} is null
        and {{ column }}_text is not null

    union all
    {% endfor %}
    select
        'items' as input,
        item_id as entity_id,
        'embedding_of_another_length' as problem,
        cast(embedding_length as varchar) as example,
        'value taken as empty' as fate
    from typed_items
    where has_odd_embedding

),

-- Counted by purpose: one that the shop's table of purposes lacks is met by many people.
unknown_purposes as (

    select
        'consents' as input,
        cast(null as varchar) as entity_id,
        concat('unknown_purpose ', spelling) as problem,
        user_id as example,
        case
            when is_granted then 'no consent; takes back a refusal of the same purpose'
            else 'taken as a refusal of personalization'
        end as fate
    from typed_consents
    where purpose is null
        and spelling is not null
        and user_id is not null

),

final as (

    select * from missing
    union all
    select * from unreadable
    union all
    select * from unknown_purposes

)

select * from final
