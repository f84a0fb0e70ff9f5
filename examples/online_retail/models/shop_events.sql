-- one row per invoice line, as a purchase or, where it cancels one, as a return
-- No line is filtered out. kindred puts those it can't use into rejected_events with the reason, where they can be
-- counted: lines without a customer are missing_person, postage and fees are unknown_item, as shop_items has none.
with invoice_lines as (select * from {{ ref('invoice_lines') }}),

final as (

    select
        concat_ws('-', invoice_id, stock_code, line_number) as event_id,
        customer_id as user_id,
        stock_code as item_id,
        invoice_id as order_id,
        case when is_cancellation then 'return' else 'purchase' end as event_type,
        -- A cancellation counts its pieces below zero; the event type says already that they come back.
        case when is_cancellation then -quantity else quantity end as quantity,
        case when is_cancellation then -quantity else quantity end * unit_price as value,
        invoiced_at as occurred_at
    from invoice_lines

)

select * from final
