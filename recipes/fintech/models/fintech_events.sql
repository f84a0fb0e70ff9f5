-- one row per thing that a customer did with an offer in the app, in the words of kindred's events
with app_events as (select * from {{ source('raw', 'app_events') }}),

final as (

    select
        app_event_id as event_id,
        customer_id as user_id,
        visit_id as session_id,
        what as event_type,
        offer_id as item_id,
        happened_at as occurred_at
    from app_events

)

select * from final
