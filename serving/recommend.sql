-- One row per rank: a list made at the moment of the request, from one release. SQLite 3.38 or later.
-- Parameters, all bound, none spliced into the text (arrays are JSON arrays of ids, null = not given):
--   :user_id, :segment (for whoever has none of their own), :session (newest first, each item once), :exclude
--   :categories, :price_min, :price_max, :in_stock (1 = only what can be had now), :only (the items to choose from)
--   :is_filtered (1 = one of these is given; lists and neighbors have nothing that can't be recommended)
--   :n (rows), :n_popular (as :n, or 0 = do not fill up with popular items), :with_facts (1 = title, category, ... too)
-- The warehouse has the same in functions/; tests hold the two and a plain Python version equal.
-- (`limit :n + 0`: newer SQLite, such as 3.51, compiles a statement whose limit is a bare parameter anew for each call,
-- which takes ten times as long as to run it.)
with recursive steps (place, weight) as materialized (

    select 1, 1.0
    union all
    select place + 1, weight * 0.7 from steps where place < 5

),

person as materialized (

    select
        coalesce(nullif(lists.segment, ''), :segment, '') as segment,
        coalesce(lists.items, '[]') as items,
        coalesce(lists.history, '[]') as history,
        coalesce(lists.excluded, '[]') as excluded
    from (select 1)
    left join lists
        on lists.user_id = :user_id

),

session as materialized (

    select value as item_id, key + 1 as place from json_each(:session)

),

-- What is taken from an item's score in the list: 10 = not to be shown; a million million = an item of the session, which
-- has no part in the neighbors' scale either.
blocked as materialized (

    select item_id, -1e12 as score from session
    union all
    select excluded.value, -10.0 from person, json_each(person.excluded) as excluded
    union all
    select excluded.value, -10.0
    from person
    inner join segments using (segment),
        json_each(segments.excluded) as excluded
    union all
    select value, -10.0 from json_each(:exclude)

),

listed as materialized (

    select
        entries.value ->> 0 as item_id,
        entries.key as place,
        1 - cast(entries.key as real) / json_array_length(person.items) as score,
        entries.value ->> 1 as published_score,
        entries.value ->> 2 as source,
        entries.value ->> 3 as because_item_id,
        entries.value ->> 4 as propensity
    from person, json_each(person.items) as entries

),

-- share tells by which item of the session the most came: its part in units of 1e-9, then 100 less its place. The
-- innermost query reads each JSON entry once; what is computed from it is computed outside. What is blocked is grouped with
-- the rest: to look each item up among the blocked takes longer. (To SQLite a cross join is the order in which to read:
-- steps first, so that nothing is looked up of items beyond the last step.)
summed as materialized (

    select
        item_id,
        sum(neighbor_score) as neighbor_score,
        sum(list_score) as list_score,
        max(cast(1e9 * neighbor_score as integer) * 100 + 100 - place) as share
    from (
        select
            entries.key as item_id,
            steps.weight * entries.value as neighbor_score,
            0.0 as list_score,
            steps.place
        from session
        cross join steps using (place)
        cross join neighbors using (item_id),
            json_each(neighbors.neighbors) as entries

        union all

        select item_id, 0.0, score, null
        from listed

        union all

        select item_id, 0.0, score, null
        from blocked
    )
    group by item_id
    having sum(list_score) > -1e11

),

scale as materialized (

    select coalesce(0.7 / nullif(max(neighbor_score), 0), 0.0) as factor from summed

),

-- Scores as whole numbers of 1e-9, so that the last bits of a sum decide nothing. Without a session the list stays in its
-- own order.
first_items as materialized (

    select
        -cast((neighbor_score * (select factor from scale) + 0.3 * list_score) * 1e9 + 0.5 as integer) as place,
        item_id,
        neighbor_score * (select factor from scale) as session_score,
        share
    from summed
    where list_score >= 0
        and (not :is_filtered or exists (
            select 1
            from items
            where items.item_id = summed.item_id
                and items.is_recommendable
                and (items.is_available or not :in_stock)
                and (:categories is null or items.category in (select value from json_each(:categories)))
                and (:price_min is null or items.price >= :price_min)
                and (:price_max is null or items.price <= :price_max)
                and (:only is null or items.item_id in (select value from json_each(:only)))
        ))
    order by place, item_id
    limit :n + 0

),

-- Nothing from here on is computed where that was enough.
open_places as materialized (

    select n_open from (select :n - count(*) as n_open from first_items) where n_open > 0

),

history as materialized (

    select entries.value as item_id, steps.place, steps.weight
    from open_places
    cross join person
    cross join json_each(person.history) as entries
    inner join steps
        on steps.place = entries.key + 1

),

history_sums as materialized (

    select item_id, sum(score) as score, max(share) as share
    from (
        select
            entries.key as item_id,
            history.weight * entries.value as score,
            cast(1e9 * history.weight * entries.value as integer) * 100 + 100 - history.place as share
        from history
        cross join neighbors using (item_id),
            json_each(neighbors.neighbors) as entries
    )
    group by item_id

),

second_choice as (

    select
        2 as tier,
        -cast(score / (select max(score) from history_sums) * 1e9 + 0.5 as integer) as place,
        item_id,
        round(score / (select max(score) from history_sums), 9) as score,
        'neighbors' as source,
        (select history.item_id from history where history.place = 100 - history_sums.share % 100) as because_item_id
    from history_sums
    where score > 0

    union all

    select 3, entries.key, entries.value ->> 0, entries.value ->> 1, entries.value ->> 2, null
    from open_places
    cross join person
    inner join segments using (segment),
        json_each(segments.fallback) as entries

    union all

    select 4, entries.key, entries.value ->> 0, entries.value ->> 1, entries.value ->> 2, null
    from open_places
    cross join segments,
        json_each(segments.fallback) as entries
    where segments.segment = ''

),

-- An item counts where it comes first: SQLite takes the other columns from the row that has the minimum.
second_items as materialized (

    select
        min(second_choice.tier) as tier,
        second_choice.place,
        second_choice.item_id,
        second_choice.score,
        second_choice.source,
        second_choice.because_item_id
    from second_choice
    cross join items using (item_id)
    where second_choice.item_id not in (select item_id from blocked)
        and second_choice.item_id not in (select item_id from first_items)
        and items.is_recommendable
        and (items.is_available or not :in_stock)
        and (:categories is null or items.category in (select value from json_each(:categories)))
        and (:price_min is null or items.price >= :price_min)
        and (:price_max is null or items.price <= :price_max)
        and (:only is null or items.item_id in (select value from json_each(:only)))
    group by second_choice.item_id

),

popular_items as (

    select popular_rank, item_id
    from items
    where popular_rank > 0
        and is_recommendable
        and (is_available or not :in_stock)
        and (:categories is null or category in (select value from json_each(:categories)))
        and (:price_min is null or price >= :price_min)
        and (:price_max is null or price <= :price_max)
        and item_id not in (select item_id from blocked)
        and item_id not in (select item_id from first_items)
        and item_id not in (select item_id from second_items)
    order by popular_rank, item_id
    limit max(0, :n_popular - (select count(*) from first_items) - (select count(*) from second_items))

),

chosen as (

    select
        1 as tier,
        first_items.place,
        first_items.item_id,
        case when exists (select 1 from session) then -first_items.place / 1e9 else listed.published_score end as score,
        case
            when listed.item_id is null or first_items.session_score >= 0.3 * listed.score then 'session'
            else listed.source
        end as source,
        case
            when listed.item_id is null or first_items.session_score >= 0.3 * listed.score
                then (select item_id from session where place = 100 - first_items.share % 100)
            else listed.because_item_id
        end as because_item_id,
        coalesce(listed.propensity, 1.0) as propensity
    from first_items
    left join listed using (item_id)

    union all

    select tier, place, item_id, score, source, because_item_id, 1.0
    from second_items

    union all

    select 5, popular_rank, item_id, 0.0, 'popular', null, 1.0
    from popular_items

)

select
    chosen.item_id,
    chosen.score,
    chosen.source,
    coalesce(sources.reason, 'your_session') as reason,
    chosen.because_item_id,
    chosen.propensity,
    chosen.tier,
    items.title,
    items.category,
    items.brand,
    items.price,
    leads.title as because_title
from chosen
left join sources using (source)
-- Nothing is looked up by null.
left join items
    on items.item_id = case when :with_facts then chosen.item_id end
left join items as leads
    on leads.item_id = case when :with_facts then chosen.because_item_id end
order by chosen.tier, chosen.place, chosen.item_id
limit :n + 0
