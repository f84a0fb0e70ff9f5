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

-- Vectors of several names, such as text and image; an array is one without a name.
objects as (

    select embedding
    from measured
    where embedding_length is not null
        and contains(embedding, '{')

),

named as (

    {{ kindred.json_fields('objects', 'embedding', keep=['embedding']) }}

),

vectors as (

    select
        '' as name,
        embedding_length as vector_length,
        embedding
    from measured
    where embedding_length is not null
        and not contains(embedding, '{')

    union all

    select
        field as name,
        length(value) - length(replace(value, ',', '')) + 1 as vector_length,
        embedding
    from named
    where {{ kindred.matches_part('value', '[0-9]') }}

),

lengths as (

    select
        name,
        vector_length,
        count(*) as n_vectors,
        sum(count(*)) over (partition by name) as n_vectors_of_name
    from vectors
    group by
        name,
        vector_length

),

-- The length that more than half of a name's vectors have; where none has, nothing says which of them are wrong.
usual_lengths as (

    select
        name,
        max(vector_length) as usual_length
    from lengths
    where n_vectors * 2 > n_vectors_of_name
    group by name

),

odd as (

    select vectors.embedding
    from vectors
    inner join usual_lengths
        on vectors.name = usual_lengths.name
    where vectors.vector_length <> usual_lengths.usual_length
    group by vectors.embedding

),

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
        odd.embedding is not null as has_odd_embedding,
        measured.created_at,
        measured.created_at_text
    from measured
    left join odd
        on measured.embedding = odd.embedding

)

select * from final
