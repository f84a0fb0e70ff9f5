-- one row: the build whose lists are published; no row in a replay of another day or without the fold live
{{ config(materialized='ephemeral') }}

with final as (

    select
        run_id,
        generated_at
    from {{ kindred.published_lists() }}
    where {{ kindred.is_publishing() }}
    group by
        run_id,
        generated_at

)

select * from final
