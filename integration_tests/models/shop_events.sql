-- one row per click of a customer, in the words of kindred's events
with clicks as (select * from {{ ref('clicks') }}),

final as (

    select
        click_id as event_id,
        customer_number as user_id,
        sku as item_id,
        case what
            when 'seen' then 'view'
            when 'basket' then 'add_to_cart'
            when 'tasted' then 'tasting'
            when 'bought' then 'purchase'
        end as event_type,
        clicked_at as occurred_at
    from clicks

)

select * from final
