-- One row per rank: what fills a list up where recommend.sql has fewer rows than were asked for: what goes with what a
-- person liked, the fallback of the segment, that of everyone, popular items. SQLite 3.38 or later.
-- person.sql stands before it. Parameters are those of recommend.sql but for the shares, with these of its own:
--   :exclude (with the items that stand already), :n (rows that are missing), :n_popular (:n, or 0 = no popular ones)
fitting_items as not materialized (

    select
        item_id,
        popular_rank
    from items
    where is_recommendable
        and (is_available or not :in_stock)
        and (:categories is null or category in (select value from json_each(:categories)))
        and (:price_min is null or price >= :price_min)
        and (:price_max is null or price <= :price_max)
        and (:only is null or item_id in (select value from json_each(:only)))
        and item_id not in (select item_id from blocked)
        and (eligibility = '' or eligibility in (select sets.value from person, json_each(person.eligible_for) as sets))

),

-- The newest, weighted as the items of a session.
history as materialized (

    select
        entries.value as item_id,
        entries.key as place,
        :weights ->> entries.key as weight
    from person, json_each(person.history) as entries
    where entries.key < json_array_length(:weights)

),

-- share is packed as in recommend.sql: plain columns take 33 % longer here (.88 ms against .66 at the median).
history_sums as materialized (

    select
        item_id,
        sum(score) as score,
        max(cast(1e9 * score as integer) * 100 + 99 - place) as share
    from (
        select
            entries.key as item_id,
            history.weight * entries.value as score,
            history.place
        from history
        cross join neighbors using (item_id),
            json_each(neighbors.neighbors) as entries
    )
    group by item_id
    having sum(score) > 0

),

second_choice as (

    select
        2 as tier,
        -cast(history_sums.score / scale.highest * 1e9 + 0.5 as integer) as place,
        history_sums.item_id,
        round(history_sums.score / scale.highest, 9) as score,
        'neighbors' as generator,
        person.history ->> (99 - history_sums.share % 100) as because_item_id
    from person
    cross join (select max(score) as highest from history_sums) as scale
    cross join history_sums

    union all

    select
        3,
        entries.key,
        entries.value ->> 0,
        entries.value ->> 1,
        entries.value ->> 2,
        null
    from person
    inner join segments using (segment),
        json_each(segments.fallback) as entries

    union all

    select
        4,
        entries.key,
        entries.value ->> 0,
        entries.value ->> 1,
        entries.value ->> 2,
        null
    from segments, json_each(segments.fallback) as entries
    where segments.segment = ''

),

-- An item counts where it comes first: SQLite takes the other columns from the row that has the minimum.
second_items as materialized (

    select
        min(second_choice.tier) as tier,
        second_choice.place,
        second_choice.item_id,
        second_choice.score,
        second_choice.generator,
        second_choice.because_item_id
    from second_choice
    cross join fitting_items using (item_id)
    group by second_choice.item_id

),

popular_items as (

    select
        popular_rank,
        item_id
    from fitting_items
    where popular_rank > 0
        and item_id not in (select item_id from second_items)
    order by popular_rank, item_id
    limit max(0, :n_popular - (select count(*) from second_items))

),

chosen as (

    select * from second_items
    union all
    select
        5,
        popular_rank,
        item_id,
        0.0,
        'popular',
        null
    from popular_items

)

select
    chosen.item_id,
    chosen.score,
    chosen.generator,
    chosen.because_item_id,
    1.0 as propensity,
    items.title,
    items.category,
    items.brand,
    items.price,
    leads.title as because_title,
    chosen.tier
from chosen
-- Nothing is looked up by null.
left join items
    on items.item_id = case when :with_facts then chosen.item_id end
left join items as leads
    on leads.item_id = case when :with_facts then chosen.because_item_id end
order by chosen.tier, chosen.place, chosen.item_id
limit :n + 0
