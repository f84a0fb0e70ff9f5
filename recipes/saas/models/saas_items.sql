-- one row per feature, and one per plan, which payments are for and nobody is recommended
with features as (select * from {{ source('raw', 'features') }}),

accounts as (select * from {{ source('raw', 'accounts') }}),

plans as (

    select plan
    from accounts
    group by plan

),

final as (

    select
        feature_id as item_id,
        name as title,
        module as category,
        lowest_plan as brand,
        true as is_available
    from features

    union all

    select
        concat('plan-', plan) as item_id,
        concat('Plan ', plan) as title,
        'Plans' as category,
        cast(null as varchar) as brand,
        false as is_available
    from plans

)

select * from final
