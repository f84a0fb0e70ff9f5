-- one row per (source, order_key, item_id, product_number): the first raw row that has a line of an order
-- A page that is loaded again, or a retry under a new id, sends an order twice; two trackers see one order each. Lines of
-- Shopify have ids of their own and are lines even where they look alike.
{{ config(enabled=(kindred.named_trackers() | length > 0)) }}

with lines as (

    select
        source,
        source_rank,
        order_key,
        item_id,
        case when source = 'shopify' then row_id else cast(product_number as varchar) end as line_key,
        row_id,
        quantity,
        price,
        discount,
        amount,
        currency,
        received_at,
        occurred_at
    from {{ ref('tracker_rows') }}
    where event_type = 'purchase'
        and order_key is not null
        and refusal is null

),

numbered as (

    select
        *,
        row_number() over (
            partition by
                source,
                order_key,
                item_id,
                line_key
            order by
                received_at nulls last,
                occurred_at,
                row_id
        ) as occurrence
    from lines

),

final as (

    select
        source,
        order_key,
        item_id,
        line_key,
        row_id,
        quantity,
        price,
        discount,
        amount,
        currency,
        row_number() over (partition by source, order_key order by line_key, item_id) - 1 as line_number,
        min(source_rank) over (partition by order_key) as first_source_rank
    from numbered
    where occurrence = 1

)

select * from final
