-- one row per (item_id, rank): what is like an item, for item pages
-- Reciprocal ranks of the two sources added up. With a quarter of the say, content never gets ahead of what the same
-- people took, but puts first what it confirms, and fills up: a page that nobody has opened yet shows something too.
with item_features as (select * from {{ ref('item_features') }} where fold = 'live'),

votes as (

    select
        item_id,
        neighbor_id,
        cast(1 as double) / (60 + rank) as vote,
        'neighbors' as generator
    from {{ ref('item_neighbors') }}
    where fold = 'live'
        and generator = 'neighbors'

    union all

    select
        item_id,
        neighbor_id,
        cast(0.25 as double) / (60 + rank) as vote,
        'content' as generator
    from {{ ref('item_content_neighbors') }}
    where fold = 'live'

),

-- Two summands give the same sum in any order; neighbors is the later word in the alphabet.
blended as (

    select
        item_id,
        neighbor_id,
        sum(vote) as score,
        max(generator) as generator
    from votes
    group by
        item_id,
        neighbor_id

),

-- An item's own variants are choices on its page; of another thing's, the best stands for all. (Left out by a join of
-- equals: `<>` between two sides of the catalogue invites an optimizer to pair all items with all.)
partners as (

    select
        blended.*,
        row_number() over (
            partition by blended.item_id, item_features.variant_group
            order by blended.score desc, blended.neighbor_id
        ) as variant_rank
    from blended
    inner join item_features
        on blended.neighbor_id = item_features.item_id
    left join item_features as own_variants
        on
            blended.item_id = own_variants.item_id
            and item_features.variant_group = own_variants.variant_group
    -- Beside an item stands what has no conditions, or the same conditions as the item.
    left join {{ ref('item_eligibility') }} as own_eligibility
        on blended.item_id = own_eligibility.item_id
    left join {{ ref('item_eligibility') }} as eligibility
        on blended.neighbor_id = eligibility.item_id
    where item_features.is_recommendable
        and own_variants.item_id is null
        and coalesce(eligibility.eligibility, '') in ('', coalesce(own_eligibility.eligibility, ''))

),

ranked as (

    select
        item_id,
        neighbor_id,
        score,
        generator,
        row_number() over (partition by item_id order by score desc, neighbor_id) as rank
    from partners
    where variant_rank = 1

),

final as (

    select
        item_id,
        cast(rank as bigint) as rank,
        neighbor_id as similar_item_id,
        cast(score as double) as score,
        generator,
        '{{ invocation_id }}' as run_id,
        cast('{{ kindred.run_clock() }}' as timestamp) as generated_at
    from ranked
    where rank <= {{ kindred.setting('lists', 'n_recommendations') }}

)

select * from final
