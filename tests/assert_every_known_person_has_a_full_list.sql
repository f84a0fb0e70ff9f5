-- Fails for each person who may be addressed whose list isn't as long as the catalogue, their history, conditions of
-- eligibility and the rules allow, has a hole or names an item twice; and for each list of somebody who is unknown or
-- may not be addressed.
-- Items that a cap or an exclude for some people names are counted as if they could always be left out: so a list is at
-- least as long as the other items make it. Without such rules both bounds are one number.
with people as (

    select user_id
    from {{ ref('identities') }}
    where is_consented
        and {{ "true" if "live" in kindred.fold_names() else "false" }}
        and {{ kindred.lists_for_people() }}
    group by user_id

),

under_rule as (

    select item_id
    from {{ ref('item_rules') }}
    where fold = 'live'
        and action in ('exclude', 'cap')
    group by item_id

),

items as (

    select
        item_features.item_id,
        case when under_rule.item_id is null then 1 else 0 end as is_sure
    from {{ ref('item_features') }} as item_features
    left join under_rule
        on item_features.item_id = under_rule.item_id
    where item_features.fold = 'live'
        and item_features.is_recommendable

),

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

-- Nearly all lists are of full length; what history and conditions exclude is counted for the others alone.
short as (

    select people.user_id
    from people
    left join lists
        on people.user_id = lists.user_id
    where coalesce(lists.n_items, 0) < {{ kindred.setting('lists', 'n_recommendations') }}

),

sets as (

    select
        item_eligibility.eligibility,
        count(*) as n_items,
        sum(items.is_sure) as n_sure_items
    from {{ ref('item_eligibility') }} as item_eligibility
    inner join items
        on item_eligibility.item_id = items.item_id
    group by item_eligibility.eligibility

),

excluded_by_history as (

    select
        interactions.user_id,
        count(*) as n_excluded,
        sum(items.is_sure) as n_sure_excluded
    from {{ ref('interactions') }} as interactions
    inner join short
        on interactions.user_id = short.user_id
    inner join items
        on interactions.item_id = items.item_id
    left join {{ ref('item_eligibility') }} as item_eligibility
        on interactions.item_id = item_eligibility.item_id
    left join {{ ref('eligible_people') }} as eligible_people
        on interactions.user_id = eligible_people.user_id
            and item_eligibility.eligibility = eligible_people.eligibility
    where interactions.fold = 'live'
        and interactions.is_excluded
        -- What the person isn't eligible for is counted below.
        and (item_eligibility.item_id is null or eligible_people.user_id is not null)
    group by interactions.user_id

),

excluded_by_conditions as (

    select
        short.user_id,
        sum(sets.n_items) as n_excluded,
        sum(sets.n_sure_items) as n_sure_excluded
    from short
    cross join sets
    left join {{ ref('eligible_people') }} as eligible_people
        on short.user_id = eligible_people.user_id
            and sets.eligibility = eligible_people.eligibility
    where eligible_people.user_id is null
    group by short.user_id

),

excluded as (

    select
        short.user_id,
        coalesce(by_history.n_excluded, 0) + coalesce(by_conditions.n_excluded, 0) as n_excluded,
        coalesce(by_history.n_sure_excluded, 0) + coalesce(by_conditions.n_sure_excluded, 0) as n_sure_excluded
    from short
    left join excluded_by_history as by_history
        on short.user_id = by_history.user_id
    left join excluded_by_conditions as by_conditions
        on short.user_id = by_conditions.user_id

),

catalogue as (

    select
        count(*) as n_items,
        coalesce(sum(is_sure), 0) as n_sure_items
    from items

),

compared as (

    select
        people.user_id as person_id,
        lists.*,
        least({{ kindred.setting('lists', 'n_recommendations') }}, catalogue.n_items - coalesce(excluded.n_excluded, 0))
            as n_at_most,
        least(
            {{ kindred.setting('lists', 'n_recommendations') }},
            catalogue.n_sure_items - coalesce(excluded.n_sure_excluded, 0)
        ) as n_at_least
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
    or coalesce(n_items, 0) not between n_at_least and n_at_most
    or n_different_items <> n_items
    or first_rank <> 1
    or last_rank <> n_items
