-- one row per item_id: the items that lists may name, and how popular each is among them
{{ config(materialized='ephemeral') }}

with final as (

    select
        item_id,
        percent_rank() over (order by popularity) as popularity_percentile
    from {{ ref('item_features') }}
    where fold = 'live'
        and is_recommendable

)

select * from final
