-- one row per row of the raw catalogue, in the types of the contract; none without a catalogue
{% set relation = kindred.input_relation('items') %}

with source_rows as (

    select
        {{ kindred.select_input_columns('items') }}
    {{ 'from ' ~ relation if relation is not none else 'where false' }}

),

measured as (

    select
        *,
        case
            when embedding is not null and {{ kindred.matches_part('embedding', '[0-9]') }}
                then length(embedding) - length(replace(embedding, ',', '')) + 1
        end as embedding_length
    from source_rows

),

lengths as (

    select
        embedding_length,
        count(*) as n_items,
        sum(count(*)) over () as n_embeddings
    from measured
    where embedding_length is not null
    group by embedding_length

),

-- The length that more than half of the embeddings have; where none has, nothing says which of them are wrong.
usual_length as (select max(embedding_length) as usual_length from lengths where n_items * 2 > n_embeddings),

final as (

    select
        measured.item_id,
        measured.item_id_text,
        measured.title,
        measured.description,
        measured.category,
        measured.category_text,
        measured.brand,
        measured.brand_text,
        measured.attributes,
        measured.embedding,
        measured.embedding_text,
        measured.price,
        measured.price_text,
        measured.margin,
        measured.margin_text,
        measured.is_available,
        measured.is_available_text,
        cast(measured.embedding_length as bigint) as embedding_length,
        coalesce(measured.embedding_length <> usual_length.usual_length, false) as has_odd_embedding,
        measured.created_at,
        measured.created_at_text
    from measured
    cross join usual_length

)

select * from final
