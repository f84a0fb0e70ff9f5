-- one row: the places of people's lists with items that they hadn't bought, and the lists that lack some
{{ config(materialized='view') }}

-- Read where a share is asked for alone, and built before the unit tests, which ask for one:
-- depends_on: {{ ref('interactions') }}, {{ ref('live_lists') }}, {{ ref('checked_policies') }}
{% if kindred.some_policy_has('discovery_share') %}
with bought as (

    select
        user_id,
        item_id
    from {{ ref('interactions') }}
    where fold = 'live'
        and n_purchases > 0

),

-- What a pin or chance put on a list says nothing of the places that are given by value.
lists as (

    select
        live_lists.user_id,
        live_lists.policy,
        count(*) - count(bought.item_id) as n_discoveries,
        count(case when live_lists.generator not in ('pinned', 'exploration') then 1 end) as n_by_value,
        count(case
            when live_lists.generator not in ('pinned', 'exploration') and bought.item_id is null then 1
        end) as n_discoveries_by_value
    from {{ ref('live_lists') }} as live_lists
    left join bought
        on live_lists.user_id = bought.user_id
            and live_lists.item_id = bought.item_id
    group by
        live_lists.user_id,
        live_lists.policy

),

-- A list that is drafted from those of two policies is asked for no share.
final as (

    select
        cast(coalesce(sum(lists.n_discoveries), 0) as bigint) as n_discoveries,
        count(case
            when lists.n_discoveries_by_value < floor(policies.discovery_share * lists.n_by_value + 1e-9) then 1
        end) as n_short_of_discoveries
    from lists
    left join {{ ref('checked_policies') }} as policies
        on lists.policy = policies.policy

)
{% else %}
with final as (

    select
        cast(null as bigint) as n_discoveries,
        cast(null as bigint) as n_short_of_discoveries

)
{% endif %}

select * from final
