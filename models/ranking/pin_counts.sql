-- one row per (fold, policy, user_id): how many places of a list are taken by pinned items
{{ config(materialized='ephemeral') }}

with final as (

    select
        fold,
        policy,
        user_id,
        count(*) as n_pins
    from {{ ref('ruled_candidates') }}
    where pin_number is not null
    group by
        fold,
        policy,
        user_id

)

select * from final
