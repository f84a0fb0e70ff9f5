-- one row per (item_id, rank): what is bought in the same basket, for item pages and baskets
{% set floor = kindred.number_literal(1 + kindred.setting('experiments', 'margin_floor') | float) %}

with item_pairs as (select * from {{ ref('item_pairs') }}),

item_features as (select * from {{ ref('item_features') }} where fold = 'live' and is_recommendable),

items as (select * from {{ ref('kindred', 'items') }}),

both_ways as (

    select
        item_id,
        other_item_id as bundle_item_id,
        n_together,
        n_baskets,
        lift,
        log_likelihood_ratio
    from item_pairs

    union all

    select
        other_item_id as item_id,
        item_id as bundle_item_id,
        n_together,
        n_other_baskets as n_baskets,
        lift,
        log_likelihood_ratio
    from item_pairs

),

-- Nobody needs the same thing in two sizes, nor one thing in three colours beside it: a partner's best variant stands
-- for it. (A join of equals, as in similar_items.)
partners as (

    select
        both_ways.*,
        row_number() over (
            partition by both_ways.item_id, item_features.variant_group
            order by both_ways.log_likelihood_ratio desc, both_ways.bundle_item_id
        ) as variant_rank
    from both_ways
    inner join item_features
        on both_ways.bundle_item_id = item_features.item_id
    inner join item_features as own_features
        on both_ways.item_id = own_features.item_id
    left join item_features as own_variants
        on
            both_ways.item_id = own_variants.item_id
            and item_features.variant_group = own_variants.variant_group
    -- Beside an item stands what has no conditions, or the same conditions as the item.
    left join {{ ref('item_eligibility') }} as own_eligibility
        on both_ways.item_id = own_eligibility.item_id
    left join {{ ref('item_eligibility') }} as eligibility
        on both_ways.bundle_item_id = eligibility.item_id
    where own_variants.item_id is null
        and coalesce(eligibility.eligibility, '') in ('', coalesce(own_eligibility.eligibility, ''))

),

-- Rounded: 12.90 + 16.90 is 29.799999999999997 in floats.
priced as (

    select
        partners.*,
        round(items.price + partner_items.price, 4) as price,
        round(items.margin + partner_items.margin, 4) as margin,
        round(
            (items.price - items.margin + partner_items.price - partner_items.margin) * {{ floor }}, 4
        ) as lowest_price
    from partners
    inner join items
        on partners.item_id = items.item_id
    inner join items as partner_items
        on partners.bundle_item_id = partner_items.item_id
    where partners.variant_rank = 1

),

-- Of a pair whose margin is unknown nothing can be said, so it stays.
ranked as (

    select
        *,
        row_number() over (partition by item_id order by log_likelihood_ratio desc, bundle_item_id) as rank
    from priced
    where coalesce(price >= lowest_price, true)

),

final as (

    select
        item_id,
        cast(rank as bigint) as rank,
        bundle_item_id,
        n_together as support,
        cast(n_together as double) / n_baskets as confidence,
        lift,
        log_likelihood_ratio as score,
        price,
        margin,
        lowest_price,
        '{{ invocation_id }}' as run_id,
        cast('{{ kindred.run_clock() }}' as timestamp) as generated_at
    from ranked
    where rank <= {{ kindred.setting('lists', 'n_recommendations') }}

)

select * from final
