-- Fails for each person who may be addressed whose list isn't as long as the catalogue and their history allow, has a
-- hole or names an item twice; and for each list of somebody who is unknown or may not be addressed.
with people as (

    select user_id
    from {{ ref('people') }}
    where is_consented
        and {{ "true" if "live" in kindred.fold_names() else "false" }}
    group by user_id

),

items as (select item_id from {{ ref('item_features') }} where fold = 'live' and is_recommendable),

lists as (

    select
        user_id,
        count(*) as n_items,
        count(distinct item_id) as n_different_items,
        min(rank) as first_rank,
        max(rank) as last_rank
    from {{ ref('recommendations') }}
    group by user_id

),

-- Nearly all lists are of full length; what history excludes is counted for the others alone.
short as (

    select people.user_id
    from people
    left join lists
        on people.user_id = lists.user_id
    where coalesce(lists.n_items, 0) < {{ var('kindred__n_recommendations') }}

),

excluded as (

    select
        interactions.user_id,
        count(*) as n_excluded
    from {{ ref('interactions') }} as interactions
    inner join short
        on interactions.user_id = short.user_id
    inner join items
        on interactions.item_id = items.item_id
    where interactions.fold = 'live'
        and interactions.is_excluded
    group by interactions.user_id

),

catalogue as (select count(*) as n_items from items),

compared as (

    select
        people.user_id as person_id,
        lists.*,
        least({{ var('kindred__n_recommendations') }}, catalogue.n_items - coalesce(excluded.n_excluded, 0))
            as n_expected
    from people
    cross join catalogue
    full outer join lists
        on people.user_id = lists.user_id
    left join excluded
        on people.user_id = excluded.user_id

)

select *
from compared
where person_id is null
    or coalesce(n_items, 0) <> n_expected
    or n_different_items <> n_items
    or first_rank <> 1
    or last_rank <> n_items
