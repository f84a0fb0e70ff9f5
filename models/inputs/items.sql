-- one row per item
{% set has_catalogue = kindred.input_relation('items') is not none %}

{% if has_catalogue %}
with source_rows as (

    select
        {{ kindred.select_input_columns('items') }}
    from {{ kindred.input_relation('items') }}

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
    from source_rows
    where item_id is not null

),
{% else %}
-- Without a catalogue the items are those that the events name, known since they were first seen.
with source_rows as (

    select
        {{ kindred.select_input_columns('events') }}
    from {{ kindred.input_relation('events') }}

),

numbered as (

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
        min(occurred_at) as created_at,
        1 as occurrence
    from source_rows
    where item_id is not null
        and occurred_at between cast('1990-01-01' as timestamp) and cast('{{ kindred.run_clock() }}' as timestamp)
    group by item_id

),
{% endif %}
final as (

    select
        item_id,
        title,
        description,
        category,
        brand,
        attributes,
        embedding,
        price,
        margin,
        coalesce(is_available, true) as is_available,
        created_at
    from numbered
    where occurrence = 1

)

select * from final
