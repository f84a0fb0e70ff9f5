-- one row per policy, '' for all: how unequally the first ten places of lists are shared among the recommendable items
-- Who is held out gets the list for everyone: it is left out, as a new holdout says nothing of the lists.
{{ config(materialized='ephemeral') }}
{% set depth = 10 %}

with places as (

    select
        policy,
        item_id,
        count(*) as n_places
    from {{ ref('recommendations') }}
    where rank <= {{ depth }}
        and policy <> 'holdout'
    group by
        policy,
        item_id

),

places_of_all as (

    select * from places

    union all

    select
        '' as policy,
        item_id,
        sum(n_places) as n_places
    from places
    group by item_id

),

policies as (select policy from places_of_all group by policy),

catalogue as (select * from {{ ref('recommendable_items') }}),

-- The items that no list has count, too.
shared as (

    select
        policies.policy,
        catalogue.popularity_percentile,
        cast(coalesce(places_of_all.n_places, 0) as bigint) as n_places,
        count(*) over (partition by policies.policy) as n_items,
        row_number() over (
            partition by policies.policy order by coalesce(places_of_all.n_places, 0), catalogue.item_id
        ) as place
    from policies
    cross join catalogue
    left join places_of_all
        on policies.policy = places_of_all.policy
            and catalogue.item_id = places_of_all.item_id

),

final as (

    select
        policy,
        max(n_items) as n_items,
        sum(n_places) as n_places,
        {{ kindred.gini('n_places', 'place', 'n_items') }} as gini,
        cast(sum(case when place > n_items - ceil(n_items / 100.0e0) then n_places else 0 end) as double)
        / nullif(sum(n_places), 0) as top_share,
        cast(sum(case when n_places > 0 then 1 else 0 end) as double) / max(n_items) as coverage,
        {{ kindred.exact_sum('n_places * popularity_percentile', scale=9) }} / nullif(sum(n_places), 0)
            as mean_percentile
    from shared
    group by policy

)

select * from final
