-- Fails for each published item that is not in the catalogue, not available, or excluded by a rule or by the history of
-- the person it is shown to.
with items as (select item_id from {{ ref('items') }} where is_available),

excluded as (select * from {{ ref('interactions') }} where fold = 'live' and is_excluded),

recommendations as (select * from {{ ref('recommendations') }}),

shown as (

    select
        item_id,
        'recommendations' as shown_in
    from recommendations

    union all

    select
        item_id,
        'fallback_recommendations' as shown_in
    from {{ ref('fallback_recommendations') }}

    union all

    select
        item_id,
        'trending_items' as shown_in
    from {{ ref('trending_items') }}

)

select
    shown.shown_in,
    cast(null as varchar) as user_id,
    shown.item_id,
    'not available' as problem
from shown
left join items
    on shown.item_id = items.item_id
where items.item_id is null

union all

select
    'recommendations' as shown_in,
    recommendations.user_id,
    recommendations.item_id,
    'excluded' as problem
from recommendations
inner join excluded
    on recommendations.user_id = excluded.user_id
        and recommendations.item_id = excluded.item_id

union all

select
    'recommendations' as shown_in,
    recommendations.user_id,
    recommendations.item_id,
    concat('excluded by rule ', item_rules.rule_id) as problem
from recommendations
inner join {{ ref('item_rules') }} as item_rules
    on recommendations.item_id = item_rules.item_id
        and item_rules.fold = 'live'
        and item_rules.action = 'exclude'
inner join {{ ref('user_features') }} as people
    on recommendations.user_id = people.user_id
        and people.fold = 'live'
        and {{ kindred.rule_is_for('people') }}
