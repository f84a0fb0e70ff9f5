-- one row per (input, entity_id, problem): what is wrong with rows of the inputs, and their fate
{% set keys = {'items': ['item_id'], 'users': ['user_id'], 'consents': ['user_id', 'spelling', 'updated_at']} %}
{% set fates = {
    'items': 'value taken as empty',
    'users': 'value taken as empty',
    'consents': 'taken as a refusal',
} %}
{% set set_aside = 'row set aside' %}

with typed_items as (select * from {{ ref('typed_items') }}),

typed_users as (select * from {{ ref('typed_users') }}),

typed_consents as (

    select
        *,
        coalesce(is_granted, false) as is_yes
    from {{ ref('typed_consents') }}

),

event_counts as (select * from {{ ref('event_counts') }}),

event_spellings as (select * from {{ ref('event_spellings') }}),

rejected as (

    select
        'events' as input,
        cast(null as varchar) as entity_id,
        rejection_reason as problem,
        coalesce(min(rejected_text), min(unknown_item_id)) as example,
        '{{ set_aside }}' as fate,
        sum(n_events) as n_rows
    from event_counts
    where rejection_reason is not null
    group by rejection_reason

),

refunds as (

    select
        'events' as input,
        cast(null as varchar) as entity_id,
        'negative_value' as problem,
        cast(null as varchar) as example,
        'taken as a return' as fate,
        sum(n_events) as n_rows
    from event_counts
    where is_refund
        and rejection_reason is null
    having sum(n_events) > 0

),

-- Ids and words of which another spelling than the normal form came in, by input and column.
spellings as (

    select
        'events' as input,
        cast(null as varchar) as entity_id,
        concat('changed_', column_name) as problem,
        min(spelling) as example,
        'taken in its normal form' as fate,
        sum(n_events) as n_rows
    from event_spellings
    group by column_name
    {% for input, columns in {
        'items': ['item_id', 'category', 'brand'], 'users': ['user_id'], 'consents': ['user_id', 'spelling']
    }.items() %}
    {%- for column in columns %}

    union all

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
    {%- endfor %}
    {%- endfor %}

),

-- Words that differ in case alone are one; ids that differ in no more than case, blanks, hyphens or leading zeros are
-- told.
near as (
    {% for column in ['category', 'brand'] %}
    select
        'items' as input,
        usual_spelling as entity_id,
        'nearly_same_{{ column }}' as problem,
        min(spelling) as example,
        'taken as one, spelt as most rows spell it' as fate,
        sum(n_rows) as n_rows
    from (
        {{ kindred.usual_spellings('typed_items', column) }}
    ) as {{ column }}_spellings
    where spelling <> usual_spelling
    group by usual_spelling

    union all
    {% endfor %}
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

    union all

    select
        'events' as input,
        min(catalogue.item_id) as entity_id,
        'nearly_same_item_id' as problem,
        event_counts.unknown_item_id as example,
        '{{ set_aside }}, as unknown_item' as fate,
        max(event_counts.n_events) as n_rows
    from event_counts
    inner join typed_items as catalogue
        on {{ kindred.nearly_same_key('event_counts.unknown_item_id') }} = {{ kindred.nearly_same_key('catalogue.item_id') }}
    group by event_counts.unknown_item_id

),

missing as (

    {% for input, key in keys.items() %}
    {% for column in key %}
    select
        '{{ input }}' as input,
        {{ key[0] }} as entity_id,
        'missing_{{ 'purpose' if column == 'spelling' else column }}' as problem,
        cast(null as varchar) as example,
        {{ "case when user_id is null or is_yes then '" ~ set_aside ~ "' else 'taken as a refusal' end" if input == 'consents'
            else "'" ~ set_aside ~ "'" }} as fate,
        count(*) as n_rows
    from typed_{{ input }}
    where {{ column }} is null
        {%- if column in ['updated_at'] %}
        and {{ column }}_text is null
        {%- endif %}
    group by
        {{ key[0] }}
        {%- if input == 'consents' %},
        is_yes
        {%- endif %}

    union all
    {% endfor %}
    {% endfor %}
    select
        'consents' as input,
        user_id as entity_id,
        'missing_is_granted' as problem,
        cast(null as varchar) as example,
        'taken as a refusal' as fate,
        count(*) as n_rows
    from typed_consents
    where is_granted is null
        and is_granted_text is null
    group by user_id

),

unreadable as (

    {% for input, columns in {
        'items': ['price', 'margin', 'is_available', 'created_at', 'embedding'],
        'users': ['created_at'],
        'consents': ['is_granted', 'updated_at'],
    }.items() %}
    {% for column in columns %}
    select
        '{{ input }}' as input,
        {{ keys[input][0] }} as entity_id,
        'invalid_{{ column }}' as problem,
        min({{ column }}_text) as example,
        {{ "case when is_yes then '" ~ set_aside ~ "' else 'taken as a refusal' end" if column == 'updated_at'
            else "'taken as not available'" if column == 'is_available'
            else "'" ~ fates[input] ~ "'" }} as fate,
        count(*) as n_rows
    from typed_{{ input }}
    where {{ column }} is null
        and {{ column }}_text is not null
    group by
        {{ keys[input][0] }}
        {%- if column == 'updated_at' %},
        is_yes
        {%- endif %}

    union all
    {% endfor %}
    {% endfor %}
    select
        'items' as input,
        item_id as entity_id,
        'embedding_of_another_length' as problem,
        cast(max(embedding_length) as varchar) as example,
        'value taken as empty' as fate,
        count(*) as n_rows
    from typed_items
    where has_odd_embedding
    group by item_id

    union all

    select
        'consents' as input,
        cast(null as varchar) as entity_id,
        concat('unknown_purpose ', spelling) as problem,
        min(user_id) as example,
        case when is_yes then 'no consent; takes back a refusal of the same purpose' else 'taken as a refusal of personalization' end as fate,
        count(*) as n_rows
    from typed_consents
    where purpose is null
        and spelling is not null
        and user_id is not null
    group by
        spelling,
        is_yes

),

repeated as (

    {% for input, key in keys.items() %}
    select
        '{{ input }}' as input,
        {{ key[0] }} as entity_id,
        'repeated_{{ 'answer' if input == 'consents' else key[0] }}' as problem,
        cast(null as varchar) as example,
        '{{ 'taken as one answer, a refusal where they differ' if input == 'consents' else 'newest row kept' }}' as fate,
        count(*) - 1 as n_rows
    from typed_{{ input }}
    where {{ key | join(' is not null and ') }} is not null
    group by {{ key | join(', ') }}
    having count(*) > 1
    {{ "union all" if not loop.last }}
    {% endfor %}

),

problems as (

    {% for kind in ['rejected', 'refunds', 'spellings', 'near', 'missing', 'unreadable', 'repeated'] %}
    select
        input,
        entity_id,
        problem,
        example,
        fate,
        n_rows
    from {{ kind }}
    {{ "union all" if not loop.last }}
    {% endfor %}

),

final as (

    select
        input,
        entity_id,
        problem,
        min(example) as rejected_text,
        min(fate) as fate,
        cast(sum(n_rows) as bigint) as n_rows
    from problems
    group by
        input,
        entity_id,
        problem

)

select * from final
