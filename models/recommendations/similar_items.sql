-- one row per (item_id, rank): what is like an item, for item pages
-- What the same people took comes first; content fills up, so that also a page nobody has opened yet shows something.
with item_features as (select * from {{ ref('item_features') }} where fold = 'live'),

neighbors as (

    select
        item_id,
        neighbor_id,
        rank,
        score,
        'neighbors' as source,
        1 as source_number
    from {{ ref('item_neighbors') }}
    where fold = 'live'

    union all

    select
        item_id,
        neighbor_id,
        rank,
        score,
        'content' as source,
        2 as source_number
    from {{ ref('item_content_neighbors') }}
    where fold = 'live'

),

-- An item's own variants are choices on its page; of another's, the best stands for all. So an item that both sources
-- name is here once as well.
partners as (

    select
        neighbors.*,
        row_number() over (
            partition by neighbors.item_id, neighbor_features.variant_group
            order by neighbors.source_number, neighbors.rank, neighbors.neighbor_id
        ) as variant_rank
    from neighbors
    inner join item_features
        on neighbors.item_id = item_features.item_id
    inner join item_features as neighbor_features
        on neighbors.neighbor_id = neighbor_features.item_id
    where neighbor_features.is_recommendable
        and neighbor_features.variant_group <> item_features.variant_group

),

ranked as (

    select
        item_id,
        neighbor_id,
        score,
        source,
        row_number() over (partition by item_id order by source_number, rank, neighbor_id) as rank
    from partners
    where variant_rank = 1

),

final as (

    select
        item_id,
        cast(rank as bigint) as rank,
        neighbor_id as similar_item_id,
        cast(score as double) as score,
        source,
        '{{ invocation_id }}' as run_id,
        cast('{{ kindred.run_clock() }}' as timestamp) as generated_at
    from ranked
    where rank <= {{ var('kindred__n_recommendations') }}

)

select * from final
