-- one row per item_id: what the items of a session lead to
-- What nobody liked yet has neighbours by content alone. The two kinds of scores don't compare: an item has one kind.
-- An object is read in half the time of an array of pairs, and 30 neighbours of 8 items fill a list: a session list is
-- to be there within a millisecond (DECISIONS.md).
{% set n_neighbors = 30 %}

with item_features as (select * from {{ ref('item_features') }} where fold = 'live'),

neighbors as (

    select
        item_id,
        neighbor_id,
        score
    from {{ ref('item_neighbors') }}
    where fold = 'live'

    union all

    select
        content.item_id,
        content.neighbor_id,
        content.score
    from {{ ref('item_content_neighbors') }} as content
    left join (
        select item_id
        from {{ ref('item_neighbors') }}
        where fold = 'live'
        group by item_id
    ) as known
        on content.item_id = known.item_id
    where content.fold = 'live'
        and known.item_id is null

),

-- Who looks at a thing in one colour isn't helped by the same thing in another. (A join of equals: similar_items.)
ranked as (

    select
        neighbors.item_id,
        neighbors.neighbor_id,
        neighbors.score,
        row_number() over (
            partition by neighbors.item_id order by neighbors.score desc, neighbors.neighbor_id
        ) as rank
    from neighbors
    inner join item_features
        on neighbors.neighbor_id = item_features.item_id
    left join item_features as own_variants
        on
            neighbors.item_id = own_variants.item_id
            and item_features.variant_group = own_variants.variant_group
    where item_features.is_recommendable
        and own_variants.item_id is null
    qualify rank <= {{ n_neighbors }}

),

final as (

    select
        item_id,
        {{ kindred.json_object('neighbor_id', 'round(score, 9)', order_by='rank') }} as neighbors
    from ranked
    group by item_id

)

select * from final
