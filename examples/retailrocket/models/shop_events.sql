-- one row per click, and one per held-out purchase
with clicks as (select * from {{ source('clicks', 'events') }}),

test_purchases as (select * from {{ source('clicks', 'test_purchases') }}),

final as (

    -- The tracker gives events no ids, but no person does the same with the same item twice in a second.
    select
        concat_ws('-', user_id, item_id, event, cast(epoch(ts) as bigint)) as event_id,
        user_id,
        item_id,
        case event
            when 'view' then 'view'
            when 'cart' then 'add_to_cart'
            when 'buy' then 'purchase'
        end as event_type,
        ts as occurred_at
    from clicks

    union all

    -- They have no time. Midnight after the last click puts them where fold backtest is evaluated, and nowhere else.
    select
        concat_ws('-', user_id, item_id, 'held-out') as event_id,
        user_id,
        item_id,
        'purchase' as event_type,
        cast('2015-09-19' as timestamp) as occurred_at
    from test_purchases

)

select * from final
