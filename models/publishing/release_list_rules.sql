-- one row per user_id in whose published list rules put items where they stand: which rules, and at which ranks
-- Boosts, buries and pins: what a rule keeps out has no rank, and a pinned item stands there whatever its score is.

with people as (select * from {{ ref('user_features') }} where fold = 'live'),

places as (

    select
        live_lists.user_id,
        live_lists.rank,
        live_lists.item_id,
        live_lists.generator = 'pinned' as is_pinned,
        coalesce(teams.policy, live_lists.policy) as policy
    from {{ ref('live_lists') }} as live_lists
    left join {{ ref('person_policies') }} as teams
        on live_lists.user_id = teams.user_id
            and live_lists.team = teams.team
            and teams.fold = 'live'

),

acting as (

    select
        places.user_id,
        item_rules.rule_id,
        item_rules.action,
        {{ dbt.listagg("cast(places.rank as varchar)", "' '", 'order by places.rank') }} as ranks
    from {{ ref('item_rules') }} as item_rules
    inner join places
        on item_rules.item_id = places.item_id
    inner join people
        on places.user_id = people.user_id
            and {{ kindred.rule_is_for('people', policy='places.policy') }}
    where item_rules.fold = 'live'
        and item_rules.action in ('boost', 'bury', 'pin')
        and places.is_pinned = (item_rules.action = 'pin')
    group by
        places.user_id,
        item_rules.rule_id,
        item_rules.action

),

final as (

    select
        user_id,
        {{ kindred.json_rows(['rule_id', 'action', 'ranks'], order_by='rule_id') }} as rules
    from acting
    group by user_id

)

select * from final
