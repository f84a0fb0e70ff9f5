-- Fails for each published item that is not in the catalogue, not available, excluded by a rule for the person or the
-- segment it is shown to, or by the person's history; for each beside itself or its own variant; and for each person
-- who may not be addressed. Nothing of a person who is held out counts but that.
{% set is_for_person = kindred.rule_is_for('addressed', policy='shown.policy') %}

with items as (select item_id from {{ ref('items') }} where is_available),

item_features as (select * from {{ ref('item_features') }} where fold = 'live'),

people as (select * from {{ ref('identities') }} where is_consented),

excluded as (select * from {{ ref('interactions') }} where fold = 'live' and is_excluded),

-- buy_again is left out of what history excludes: it shows what was bought.
shown as (

    {% for table, item_column, user_column, segment_column, beside_column, minds_history in [
        ('recommendations', 'item_id', 'user_id', 'null', 'null', "policy <> 'holdout'"),
        ('fallback_recommendations', 'item_id', 'null', 'segment', 'null', true),
        ('trending_items', 'item_id', 'null', 'segment', 'null', true),
        ('similar_items', 'similar_item_id', 'null', 'null', 'item_id', true),
        ('bundles', 'item_id', 'null', 'null', 'bundle_item_id', true),
        ('bundles', 'bundle_item_id', 'null', 'null', 'item_id', true),
        ('buy_again', 'item_id', 'user_id', 'null', 'null', false),
        ('people_for_item', 'item_id', 'user_id', 'null', 'null', true),
    ] %}
    select
        '{{ table }}' as shown_in,
        {{ item_column }} as item_id,
        cast({{ user_column }} as varchar) as user_id,
        cast({{ segment_column }} as varchar) as segment,
        cast({{ beside_column }} as varchar) as beside_item_id,
        {{ minds_history }} as minds_history,
        -- A rule of a policy counts on the lists of that policy alone.
        {{ "policy" if table == 'recommendations' else "''" }} as policy
    from {{ ref(table) }}
    {{ "union all" if not loop.last }}
    {% endfor %}

)

select
    shown.shown_in,
    shown.user_id,
    shown.item_id,
    shown.beside_item_id,
    'not available' as problem
from shown
left join items
    on shown.item_id = items.item_id
where items.item_id is null

union all

select
    shown.shown_in,
    shown.user_id,
    shown.item_id,
    shown.beside_item_id,
    'excluded' as problem
from shown
inner join excluded
    on shown.user_id = excluded.user_id
        and shown.item_id = excluded.item_id
where shown.minds_history

union all

select
    shown.shown_in,
    shown.user_id,
    shown.item_id,
    shown.beside_item_id,
    concat('excluded by rule ', item_rules.rule_id) as problem
from shown
inner join {{ ref('item_rules') }} as item_rules
    on shown.item_id = item_rules.item_id
        and item_rules.fold = 'live'
        and item_rules.action = 'exclude'
left join {{ ref('user_features') }} as addressed
    on shown.user_id = addressed.user_id
        and addressed.fold = 'live'
where (shown.user_id is not null and shown.policy <> 'holdout' and {{ is_for_person }})
-- Of an unknown visitor nothing but the segment counts, of a person who is held out not even that.
or (
    (shown.user_id is null or shown.policy = 'holdout')
    and item_rules.policy is null
    and item_rules.activity is null
    and coalesce(item_rules.segment, shown.segment, '') = coalesce(shown.segment, '')
)

union all

select
    shown.shown_in,
    shown.user_id,
    shown.item_id,
    shown.beside_item_id,
    'beside its own variant' as problem
from shown
inner join item_features
    on shown.item_id = item_features.item_id
inner join item_features as beside_features
    on shown.beside_item_id = beside_features.item_id
where item_features.variant_group = beside_features.variant_group

union all

select
    shown.shown_in,
    shown.user_id,
    shown.item_id,
    shown.beside_item_id,
    'may not be addressed' as problem
from shown
left join people
    on shown.user_id = people.user_id
where shown.user_id is not null
    and people.user_id is null
