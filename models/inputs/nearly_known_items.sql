-- one row per item_id: items of the catalogue that raw events name by another spelling
{{ config(materialized='ephemeral') }}

with unknown_items as (

    select
        unknown_item_id,
        {{ kindred.nearly_same_key('unknown_item_id') }} as near_key,
        sum(n_events) as n_events
    from {{ ref('event_counts') }}
    where unknown_item_id is not null
    group by unknown_item_id

),

catalogue as (

    select
        {{ kindred.nearly_same_key('item_id') }} as near_key,
        min(item_id) as item_id
    from {{ ref('typed_items') }}
    where item_id is not null
    group by {{ kindred.nearly_same_key('item_id') }}

),

final as (

    select
        catalogue.item_id,
        min(unknown_items.unknown_item_id) as example,
        sum(unknown_items.n_events) as n_events
    from unknown_items
    inner join catalogue
        on unknown_items.near_key = catalogue.near_key
    group by catalogue.item_id

)

select * from final
