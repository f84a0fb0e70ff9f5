-- one row per (input, entity_id, problem): ids and words of items, users and consents in more than one spelling
{{ config(materialized='view') }}

with typed_items as (select * from {{ ref('typed_items') }}),

typed_users as (select * from {{ ref('typed_users') }}),

typed_consents as (select * from {{ ref('typed_consents') }}),

-- What came in another spelling than its normal form, counted by column.
changed as (

    {% for input, column in [
        ('items', 'item_id'), ('items', 'category'), ('items', 'brand'), ('users', 'user_id'), ('consents', 'user_id'),
        ('consents', 'spelling'),
    ] %}
    select
        '{{ input }}' as input,
        cast(null as varchar) as entity_id,
        'changed_{{ 'purpose' if column == 'spelling' else column }}' as problem,
        min({{ column }}_text) as example,
        'taken in its normal form' as fate,
        count(*) as n_rows
    from typed_{{ input }}
    where {{ column }}_text is not null
    having count(*) > 0
    {{ "union all" if not loop.last }}
    {% endfor %}

),

categories as (

    {{ kindred.usual_spellings('typed_items', 'category') }}

),

brands as (

    {{ kindred.usual_spellings('typed_items', 'brand') }}

),

-- Words that differ in case alone are one.
words as (

    select
        usual_spelling as entity_id,
        'nearly_same_category' as problem,
        spelling,
        n_rows
    from categories
    where spelling <> usual_spelling

    union all

    select
        usual_spelling as entity_id,
        'nearly_same_brand' as problem,
        spelling,
        n_rows
    from brands
    where spelling <> usual_spelling

),

unified as (

    select
        'items' as input,
        entity_id,
        problem,
        min(spelling) as example,
        'taken as one, spelt as most rows spell it' as fate,
        sum(n_rows) as n_rows
    from words
    group by
        entity_id,
        problem

),

-- Ids that differ in no more than case, blanks, hyphens or leading zeros are told, and kept apart.
near as (

    select
        'items' as input,
        min(item_id) as entity_id,
        'nearly_same_item_id' as problem,
        max(item_id) as example,
        'kept as items of their own' as fate,
        count(*) as n_rows
    from typed_items
    where item_id is not null
    group by {{ kindred.nearly_same_key('item_id') }}
    having min(item_id) <> max(item_id)

),

final as (

    select * from changed
    union all
    select * from unified
    union all
    select * from near

)

select * from final
