-- one row per item_id: what the items of a session lead to
-- Items that nobody liked yet have neighbours by content alone. The two kinds of scores don't compare, so an item has
-- one kind.
-- An object is read in half the time of an array of pairs.
with item_features as (select * from {{ ref('item_features') }} where fold = 'live'),

session_settings as (select * from {{ ref('release_session_settings') }}),

neighbors as (

    select
        item_id,
        neighbor_id,
        score
    from {{ ref('item_neighbors') }}
    where fold = 'live'
        and generator = 'neighbors'

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
            and generator = 'neighbors'
        group by item_id
    ) as known
        on content.item_id = known.item_id
    where content.fold = 'live'
        and known.item_id is null

),

-- Of a thing in several sizes or colours the one that most people touched stands for all, so that a list has it once.
representatives as (

    select
        variant_group,
        item_id as representative_id
    from item_features
    where is_recommendable
    qualify row_number() over (partition by variant_group order by n_users desc, item_id) = 1

),

-- Who looks at a thing in one colour isn't helped by the same thing in another. (A join of equals: similar_items.)
things as (

    select
        neighbors.item_id,
        representatives.representative_id as neighbor_id,
        max(neighbors.score) as score
    from neighbors
    inner join item_features
        on neighbors.neighbor_id = item_features.item_id
    inner join representatives
        on item_features.variant_group = representatives.variant_group
    left join item_features as own_variants
        on
            neighbors.item_id = own_variants.item_id
            and item_features.variant_group = own_variants.variant_group
    where own_variants.item_id is null
    group by
        neighbors.item_id,
        representatives.representative_id

),

ranked as (

    select
        things.*,
        row_number() over (partition by things.item_id order by things.score desc, things.neighbor_id) as rank
    from things

),

kept as (

    select ranked.*
    from ranked
    cross join session_settings
    where ranked.rank <= session_settings.n_neighbors

),

final as (

    select
        item_id,
        {{ kindred.json_object('neighbor_id', 'round(score, 9)', order_by='rank') }} as neighbors
    from kept
    group by item_id

)

select * from final
