-- one row per text_key: the different texts of the catalogue, as they are encoded
{{ config(materialized='view', enabled=kindred.setting('generators', 'text_encoder') != '') }}

with texts as (

    select {{ kindred.item_text() }} as item_text
    from {{ ref('typed_items') }}

),

final as (

    select
        md5(item_text) as text_key,
        item_text
    from texts
    where trim(replace(item_text, '.', '')) <> ''
    group by item_text

)

select * from final
