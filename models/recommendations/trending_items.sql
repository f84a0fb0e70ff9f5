-- one row per (segment, rank): what is rising, in each segment and (segment '') for everyone
with excluded as (

    select
        segment,
        item_id
    from {{ ref('item_rules') }}
    where fold = 'live'
        and action = 'exclude'
        and activity is null
        and policy is null
    group by
        segment,
        item_id

),

final as (

    select
        popular_items.segment,
        cast(row_number() over (partition by popular_items.segment order by popular_items.rank) as bigint) as rank,
        popular_items.item_id,
        cast(popular_items.score as double) as score,
        popular_items.generator,
        '{{ invocation_id }}' as run_id,
        cast('{{ kindred.run_clock() }}' as timestamp) as generated_at
    from {{ ref('popular_items') }} as popular_items
    left join excluded
        on popular_items.segment = excluded.segment
            and popular_items.item_id = excluded.item_id
    -- The list is for nobody in particular.
    left join {{ ref('item_eligibility') }} as item_eligibility
        on popular_items.item_id = item_eligibility.item_id
    where popular_items.fold = 'live'
        and item_eligibility.item_id is null
        and popular_items.generator in ('trending', 'trending_in_segment')
        and excluded.item_id is null
    qualify
        row_number() over (partition by popular_items.segment order by popular_items.rank)
        <= {{ kindred.setting('lists', 'n_recommendations') }}

)

select * from final
