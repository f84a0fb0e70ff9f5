-- one row per thing that a customer or visitor did, in the words of kindred's events
with page_events as (

    select
        page_event_id as event_id,
        customer_no as user_id,
        visitor as anonymous_id,
        visit as session_id,
        what as event_type,
        sku as item_id,
        happened_at as occurred_at,
        cast(null as double) as quantity,
        amount as value,
        cast(null as varchar) as order_id,
        shown_list as list_id,
        place as position,
        search_words as query,
        cast(null as varchar) as properties
    from {{ source('raw', 'page_events') }}

),

raw_lines as (select * from {{ source('raw', 'order_lines') }}),

order_lines as (

    select
        line_id as event_id,
        customer_no as user_id,
        visitor as anonymous_id,
        visit as session_id,
        case when is_return then 'return' else 'purchase' end as event_type,
        sku as item_id,
        ordered_at as occurred_at,
        pieces as quantity,
        line_total as value,
        order_no as order_id,
        cast(null as varchar) as list_id,
        cast(null as bigint) as position,
        cast(null as varchar) as query,
        cast(null as varchar) as properties
    from raw_lines

),

-- What a sale leaves after its cost: what the price test is decided by.
margins as (

    select
        concat(raw_lines.line_id, '-margin') as event_id,
        raw_lines.customer_no as user_id,
        raw_lines.visitor as anonymous_id,
        raw_lines.visit as session_id,
        'margin' as event_type,
        raw_lines.sku as item_id,
        raw_lines.ordered_at as occurred_at,
        cast(null as double) as quantity,
        round(raw_lines.line_total - raw_lines.pieces * products.cost, 2) as value,
        cast(null as varchar) as order_id,
        cast(null as varchar) as list_id,
        cast(null as bigint) as position,
        cast(null as varchar) as query,
        cast(null as varchar) as properties
    from raw_lines
    inner join {{ source('raw', 'products') }} as products
        on raw_lines.sku = products.sku
    where not raw_lines.is_return

),

-- At which price somebody saw a product: what the price test counts.
prices_shown as (

    select
        shown_id as event_id,
        customer_no as user_id,
        cast(null as varchar) as anonymous_id,
        cast(null as varchar) as session_id,
        'exposure' as event_type,
        sku as item_id,
        shown_at as occurred_at,
        cast(null as double) as quantity,
        cast(null as double) as value,
        cast(null as varchar) as order_id,
        cast(null as varchar) as list_id,
        cast(null as bigint) as position,
        cast(null as varchar) as query,
        {{ kindred.json_record({'experiment': 'test', 'arm': 'arm'}) }} as properties
    from {{ source('raw', 'prices_shown') }}

),

-- What was sent to whom: campaigns count it, nothing else does.
mails as (

    select
        mail_id as event_id,
        customer_no as user_id,
        cast(null as varchar) as anonymous_id,
        cast(null as varchar) as session_id,
        'send' as event_type,
        cast(null as varchar) as item_id,
        sent_at as occurred_at,
        cast(null as double) as quantity,
        cast(null as double) as value,
        cast(null as varchar) as order_id,
        cast(null as varchar) as list_id,
        cast(null as bigint) as position,
        cast(null as varchar) as query,
        cast(null as varchar) as properties
    from {{ source('raw', 'mails') }}

),

final as (

    select * from page_events
    union all
    select * from order_lines
    union all
    select * from margins
    union all
    select * from prices_shown
    union all
    select * from mails

)

select * from final
