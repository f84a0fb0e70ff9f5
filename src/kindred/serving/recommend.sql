-- One row per rank: the first items of a list made at the moment of the request, from one release: what the session and
-- the person's own list say. person.sql stands before it; where it has fewer than :n rows, fill_up.sql has the rest.
-- SQLite 3.38 or later.
-- Parameters, all bound, none spliced into the text (arrays are JSON arrays of ids, null = not given):
--   :user_id, :segment (where the person has none), :session (newest first, each item once), :exclude
--   :categories, :price_min, :price_max, :in_stock (1 = only what can be had now), :only (the items to choose from)
--   :is_filtered (1 = one of these is given, or items are under conditions; lists and neighbors have nothing that can't
--   be recommended)
--   :n (rows), :with_facts (1 = title, category, ... too)
--   of the release's session_settings: :session_share, :list_share and :weights (JSON array: what the newest items of a
--   session count, the newest first)
-- The warehouse has the same in functions/; tests hold the two and a plain Python version equal.
-- (`limit :n + 0`: newer SQLite, such as 3.51, compiles a statement whose limit is a bare parameter again in each call,
-- which takes ten times as long as to run it.)
session as materialized (

    select
        value as item_id,
        key as place,
        :weights ->> key as weight
    from json_each(:session)
    where key < json_array_length(:weights)

),

-- What else an entry says is read of those alone that are shown.
listed as materialized (

    select
        entries.value ->> 0 as item_id,
        entries.value as entry,
        1 - cast(entries.key as real) / json_array_length(person.items) as score
    from person, json_each(person.items) as entries

),

-- share tells by which item of the session the most came: its part in units of 1e-9, then 99 less its place. Two plain
-- columns instead (row_number() over an item's parts) take 29 % longer: .42 ms against .33 at the median, in turns on
-- 100,000 items. The innermost query reads each JSON entry once; what is computed from it is computed outside. What
-- is blocked is grouped with the rest: to look each item up among the blocked takes longer. (To SQLite a cross join is
-- the order in which to read.)
summed as materialized (

    select
        item_id,
        sum(neighbor_score) as neighbor_score,
        sum(list_score) as list_score,
        max(cast(1e9 * neighbor_score as integer) * 100 + 99 - place) as share
    from (
        select
            entries.key as item_id,
            session.weight * entries.value as neighbor_score,
            0.0 as list_score,
            session.place
        from session
        cross join neighbors using (item_id),
            json_each(neighbors.neighbors) as entries

        union all

        select
            item_id,
            0.0,
            score,
            null
        from listed

        union all

        select
            item_id,
            0.0,
            score,
            null
        from blocked
    )
    group by item_id
    having sum(list_score) > -1e11

),

scale as not materialized (

    select coalesce(:session_share / nullif(max(neighbor_score), 0), 0.0) as factor from summed

),

-- Scores as whole numbers of 1e-9, so that the last bits of a sum decide nothing. Without a session the list stays in
-- its own order.
first_items as materialized (

    select
        cast((neighbor_score * scale.factor + :list_share * list_score) * 1e9 + 0.5 as integer) as points,
        item_id,
        neighbor_score * scale.factor as session_score,
        share
    from scale
    cross join summed
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
                and (items.eligibility = '' or items.eligibility in (
                    select sets.value from person, json_each(person.eligible_for) as sets
                ))
        ))
    order by points desc, item_id
    limit :n + 0

),

chosen as (

    select
        first_items.points,
        first_items.item_id,
        listed.entry,
        case
            when listed.item_id is null or first_items.session_score >= :list_share * listed.score
                then :session ->> (99 - first_items.share % 100)
        end as clicked_item_id
    from first_items
    left join listed using (item_id)

)

select
    chosen.item_id,
    case when :session <> '[]' then chosen.points / 1e9 else chosen.entry ->> 1 end as score,
    case when chosen.clicked_item_id is null then chosen.entry ->> 2 else 'session' end as generator,
    coalesce(chosen.clicked_item_id, chosen.entry ->> 3) as because_item_id,
    coalesce(chosen.entry ->> 4, 1.0) as propensity,
    items.title,
    items.category,
    items.brand,
    items.price,
    leads.title as because_title
from chosen
-- Nothing is looked up by null.
left join items
    on items.item_id = case when :with_facts then chosen.item_id end
left join items as leads
    on leads.item_id = case when :with_facts then coalesce(chosen.clicked_item_id, chosen.entry ->> 3) end
order by chosen.points desc, chosen.item_id
