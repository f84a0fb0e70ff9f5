-- one row per row of tracker_rows that is compared with others, and per line of an order that came back as a whole
-- Compared are rows that came more than once, and those of orders.
{{ config(materialized='ephemeral', enabled=(kindred.named_trackers() | length > 0)) }}

with unrepeated as (

    select
        tracker_rows.*,
        1 as occurrence
    from {{ ref('tracker_rows') }} as tracker_rows
    left join {{ ref('repeated_tracker_rows') }} as repeated
        on tracker_rows.source = repeated.source
            and tracker_rows.row_id = repeated.row_id
    where tracker_rows.event_type in ('purchase', 'return')
        and repeated.row_id is null

),

repeated as (

    select
        tracker_rows.*,
        row_number() over (
            partition by
                tracker_rows.source,
                tracker_rows.row_id,
                tracker_rows.product_number
            order by
                tracker_rows.received_at nulls last,
                tracker_rows.occurred_at nulls last,
                tracker_rows.user_id nulls last,
                tracker_rows.anonymous_id nulls last,
                tracker_rows.item_id nulls last,
                tracker_rows.price nulls last,
                tracker_rows.quantity nulls last
        ) as occurrence
    from {{ ref('tracker_rows') }} as tracker_rows
    inner join {{ ref('repeated_tracker_rows') }} as repeated
        on tracker_rows.source = repeated.source
            and tracker_rows.row_id = repeated.row_id

),

all_rows as (

    select * from unrepeated
    union all
    select * from repeated

),

-- A return of an order that names no product returns each line of it.
final as (

    select
        all_rows.source,
        all_rows.source_rank,
        all_rows.row_id,
        all_rows.occurrence,
        coalesce(returned.line_number, all_rows.product_number) as product_number,
        all_rows.event_name,
        all_rows.event_type,
        all_rows.order_key,
        all_rows.user_id,
        all_rows.anonymous_id,
        all_rows.session_id,
        coalesce(all_rows.item_id, returned.item_id) as item_id,
        all_rows.occurred_at,
        all_rows.received_at,
        coalesce(all_rows.quantity, returned.quantity) as quantity,
        coalesce(all_rows.price, returned.price) as price,
        coalesce(all_rows.discount, returned.discount) as discount,
        case when returned.item_id is null then all_rows.amount else returned.amount end as amount,
        all_rows.rating,
        upper(coalesce(all_rows.currency, returned.currency)) as currency,
        all_rows.order_id,
        all_rows.list_id,
        all_rows.position,
        all_rows.query,
        all_rows.traffic,
        all_rows.user_agent,
        all_rows.host,
        all_rows.ip_address,
        all_rows.refusal
    from all_rows
    left join {{ ref('order_lines') }} as returned
        on all_rows.event_type = 'return'
            and all_rows.item_id is null
            and all_rows.source = returned.source
            and all_rows.order_key = returned.order_key

)

select * from final
