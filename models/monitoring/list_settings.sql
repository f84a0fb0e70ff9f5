-- one row: what the shop decides about lists, as a short text that differs where something does
{{ config(materialized='ephemeral') }}

with weights as (

    select {{ kindred.rows_key(['generator'], ['weight'], 'generator') }} as key
    from {{ ref('generators') }}

),

policies as (

    select
        {{ kindred.rows_key(
            ['policy', 'generators', 'weights', 'ranker'],
            ['diversity', 'freshness', 'fatigue', 'discovery_share', 'exploration_share'],
            'policy'
        ) }} as key
    from {{ ref('checked_policies') }}
    where problem is null

),

-- A rule that begins or ends is a change, an item that comes under a rule is none.
rules_in_force as (

    select
        rule_id,
        action,
        amount
    from {{ ref('item_rules') }}
    where fold = 'live'
    group by
        rule_id,
        action,
        amount

),

-- An item that comes under a condition is no change either.
conditions as (

    select
        {{ kindred.rows_key(
            ['rule_id', 'field', 'operator', 'value'], [], 'rule_id, field, operator, value'
        ) }} as key
    from {{ ref('checked_eligibility') }}

),

rules as (

    select {{ kindred.rows_key(['rule_id', 'action'], ['amount'], 'rule_id, action, amount') }} as key
    from rules_in_force

)

select
    md5(concat(
        '{{ kindred.list_settings_key() }}', weights.key, policies.key, rules.key, conditions.key
    )) as settings_key
from weights
cross join policies
cross join rules
cross join conditions
