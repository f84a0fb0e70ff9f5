-- one row per (source, policy, scope, rank, item_id): what each policy would put at a place
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with final as (

    select
        'foreign' as source,
        policy,
        list_id as scope,
        rank,
        item_id,
        propensity,
        cast(null as double) as logged_propensity
    from {{ ref('foreign_items') }}
    where problem is null

    union all

    select
        'own' as source,
        policy,
        list_id as scope,
        rank,
        item_id,
        propensity,
        logged_propensity
    from {{ ref('own_items') }}

)

select * from final
