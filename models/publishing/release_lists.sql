-- one row per user_id: all that is known of a person when an app asks, in one row
{#- So many items say what a person likes now; so many keep what the person had from coming back. -#}
{% set history_length, excluded_length = 10, 200 %}

with interactions as (select * from {{ ref('interactions') }} where fold = 'live'),

lists as (

    select
        user_id,
        min(run_id) as run_id,
        min(policy) as policy,
        {{ kindred.json_rows(
            ['item_id', 'round(score, 6)', 'generator', 'because_item_id', 'propensity'], order_by='rank'
        ) }} as items
    from {{ ref('recommendations') }}
    group by user_id

),

liked as (

    select
        user_id,
        item_id,
        row_number() over (partition by user_id order by last_at desc, item_id) as recency
    from interactions
    where weight > 0
    qualify recency <= {{ history_length }}

),

histories as (

    select
        user_id,
        {{ kindred.json_rows(['item_id'], order_by='recency') }} as history
    from liked
    group by user_id

),

-- What only a rule for the person's activity keeps away is kept away first: nothing that the person does replaces it.
kept_away as (

    select
        people.user_id,
        item_rules.item_id,
        cast(null as timestamp) as last_at
    from {{ ref('item_rules') }} as item_rules
    inner join {{ ref('user_features') }} as people
        on item_rules.fold = people.fold
            and {{ kindred.rule_is_for('people') }}
    where item_rules.fold = 'live'
        and item_rules.action = 'exclude'
        and item_rules.activity is not null

    union all

    select
        user_id,
        item_id,
        last_at
    from interactions
    where is_excluded

),

excluded as (

    select
        user_id,
        item_id,
        row_number() over (partition by user_id order by max(last_at) desc nulls first, item_id) as recency
    from kept_away
    group by
        user_id,
        item_id
    qualify recency <= {{ excluded_length }}

),

exclusions as (

    select
        user_id,
        {{ kindred.json_rows(['item_id'], order_by='recency') }} as excluded
    from excluded
    group by user_id

),

-- The sets of conditions that a person meets: at request time nothing else of the items under conditions is shown.
eligible_people as (

    select
        user_id,
        {{ kindred.json_rows(['eligibility'], order_by='eligibility') }} as eligible_for
    from {{ ref('eligible_people') }}
    group by user_id

),

final as (

    select
        lists.user_id,
        {{ kindred.list_id('lists.user_id', 'lists.run_id') }} as list_id,
        coalesce(people.segment, '') as segment,
        coalesce(people.activity, '') as activity,
        lists.items,
        coalesce(histories.history, '[]') as history,
        coalesce(exclusions.excluded, '[]') as excluded,
        lists.policy,
        coalesce(eligible_people.eligible_for, '[]') as eligible_for
    from lists
    left join {{ ref('user_features') }} as people
        on lists.user_id = people.user_id
            and people.fold = 'live'
    left join histories
        on lists.user_id = histories.user_id
    left join exclusions
        on lists.user_id = exclusions.user_id
    left join eligible_people
        on lists.user_id = eligible_people.user_id

)

select * from final
