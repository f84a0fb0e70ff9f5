-- one row per generator: its weight in the blend
with generator_weights as (

    select
        {{ kindred.select_table_columns('generators') }}
    from {{ kindred.table_relation('generators') }}

),

final as (

    select
        generator,
        reason,
        weight
    from generator_weights
    where generator not in ('', '{{ kindred.absent_generators() | join("', '") }}')

)

select * from final
