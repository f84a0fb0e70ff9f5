-- one row per (user_id, rank): what a person has probably used up and is due to buy again
-- That a purchase excludes an item from the person's other lists is no obstacle here: it is the point.
with due as (select * from {{ ref('due_repurchases') }}),

item_features as (select * from {{ ref('item_features') }} where fold = 'live' and is_recommendable),

-- Rules for a segment; those for everyone are in is_recommendable already.
excluded as (

    select
        due.user_id,
        item_rules.item_id
    from due
    inner join {{ ref('user_features') }} as people
        on due.user_id = people.user_id
            and people.fold = 'live'
    inner join {{ ref('item_rules') }} as item_rules
        on people.fold = item_rules.fold
            and item_rules.action = 'exclude'
            and {{ kindred.rule_is_for('people') }}
    group by
        due.user_id,
        item_rules.item_id

),

-- The size or flavour that the person took last, of those that can be had and that weren't sent back or disliked.
choices as (

    select
        due.*,
        purchases.item_id,
        row_number() over (
            partition by due.user_id, due.variant_group
            order by purchases.bought_at desc, purchases.item_id
        ) as recency
    from due
    inner join item_features
        on due.variant_group = item_features.variant_group
    inner join {{ ref('basket_items') }} as purchases
        on due.user_id = purchases.user_id
            and item_features.item_id = purchases.item_id
    inner join {{ ref('interactions') }} as interactions
        on due.user_id = interactions.user_id
            and item_features.item_id = interactions.item_id
            and interactions.fold = 'live'
            and interactions.weight > 0
    left join excluded
        on due.user_id = excluded.user_id
            and item_features.item_id = excluded.item_id
    left join {{ ref('item_eligibility') }} as item_eligibility
        on item_features.item_id = item_eligibility.item_id
    left join {{ ref('eligible_people') }} as eligible_people
        on due.user_id = eligible_people.user_id
            and item_eligibility.eligibility = eligible_people.eligibility
    where excluded.item_id is null
        and (item_eligibility.item_id is null or eligible_people.user_id is not null)

),

ranked as (

    select
        *,
        row_number() over (partition by user_id order by score desc, item_id) as rank
    from choices
    where recency = 1

),

final as (

    select
        user_id,
        cast(rank as bigint) as rank,
        item_id,
        n_purchases,
        cast(last_bought_at as timestamp) as last_bought_at,
        cast(usual_gap_days as double) as usual_gap_days,
        cast({{ dbt.dateadd('day', 'cast(round(usual_gap_days) as integer)', 'last_bought_at') }} as timestamp)
            as due_at,
        cast(score as double) as score,
        '{{ invocation_id }}' as run_id,
        cast('{{ kindred.run_clock() }}' as timestamp) as generated_at
    from ranked
    where rank <= {{ kindred.setting('lists', 'n_recommendations') }}

)

select * from final
