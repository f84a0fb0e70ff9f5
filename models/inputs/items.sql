-- one row per item
{% set has_catalogue = kindred.input_relation('items') is not none %}
{% set has_encoder = has_catalogue and kindred.setting('generators', 'text_encoder') != '' %}

{% if has_catalogue %}
with typed_items as (

    select
        *,
        {%- if has_encoder %}
        md5({{ kindred.item_text() }}) as text_key,
        {%- endif %}
        case when not has_odd_embedding then embedding end as usual_embedding
    from {{ ref('typed_items') }}
    where item_id is not null

),

-- Of rows with the same id the newest is kept; `input_problems` counts the others.
numbered as (

    select
        *,
        row_number() over (
            partition by item_id
            order by
                created_at desc nulls last,
                title nulls last,
                category nulls last,
                brand nulls last,
                price nulls last,
                is_available nulls last,
                description nulls last,
                margin nulls last,
                attributes nulls last,
                embedding nulls last
        ) as occurrence
    from typed_items

),

categories as (

    {{ kindred.usual_spellings('typed_items', 'category') }}

),

brands as (

    {{ kindred.usual_spellings('typed_items', 'brand') }}

),

-- What the catalogue says nothing of can be had; what can't be read is no yes.
final as (

    select
        numbered.item_id,
        numbered.title,
        numbered.description,
        categories.usual_spelling as category,
        brands.usual_spelling as brand,
        numbered.attributes,
        {{ kindred.with_vector('numbered.usual_embedding', 'words', 'text_vectors.vector') if has_encoder
            else 'numbered.usual_embedding' }} as embedding,
        numbered.price,
        numbered.margin,
        coalesce(numbered.is_available, numbered.is_available_text is null) as is_available,
        numbered.created_at
    from numbered
    left join categories
        on numbered.category = categories.spelling
    left join brands
        on numbered.brand = brands.spelling
    {%- if has_encoder %}
    left join {{ ref('item_text_vectors') }} as text_vectors
        on numbered.text_key = text_vectors.text_key
    {%- endif %}
    where numbered.occurrence = 1

)
{% else %}
-- Without a catalogue the items are those that the events name, known since they were first seen.
with typed_events as (select * from {{ ref('typed_events') }}),

final as (

    select
        item_id,
        cast(null as varchar) as title,
        cast(null as varchar) as description,
        cast(null as varchar) as category,
        cast(null as varchar) as brand,
        cast(null as varchar) as attributes,
        cast(null as varchar) as embedding,
        cast(null as double) as price,
        cast(null as double) as margin,
        true as is_available,
        min(occurred_at) as created_at
    from typed_events
    where item_id is not null
        and occurred_at between cast('1990-01-01' as timestamp) and cast('{{ kindred.run_clock() }}' as timestamp)
    group by item_id

)
{% endif %}
select * from final
