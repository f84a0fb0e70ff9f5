-- one row per (user_id, rank): what a person has probably used up and is due to buy again
-- That a purchase excludes an item from the person's other lists is no obstacle here: it is the point.
{#- So many people must have come back for a thing, and such a share of its buyers: fewer say chance, or a gift. -#}
{% set least_people, least_share = 5, 0.1 %}
{#- The share starts from that of so many buyers of anything, a person's own gap from so many gaps of others. -#}
{% set prior_share, prior_people, prior_gaps = 0.05, 20, 2 %}
{#- Due from shortly before the usual gap is over until the person has clearly gone elsewhere; in usual gaps. -#}
{% set due_from, due_until = 0.8, 3 %}

with repurchases as (select * from {{ ref('repurchases') }}),

item_features as (select * from {{ ref('item_features') }} where fold = 'live' and is_recommendable),

as_of as (select max(as_of) as as_of from {{ ref('folds') }}),

gaps as (

    select
        variant_group,
        median(mean_gap_days) as gap_days
    from repurchases
    where n_purchases > 1
    group by variant_group
    having count(*) >= {{ least_people }}

),

-- Whose gap is within a factor of two of the median agrees with it: without a majority there is no usual gap. The share
-- is that of the buyers who have had the time to come back.
buyers as (

    select
        repurchases.*,
        gaps.gap_days,
        {{ kindred.days_between('repurchases.first_bought_at', 'as_of.as_of') }} >= gaps.gap_days as had_time,
        {{ kindred.days_between('repurchases.last_bought_at', 'as_of.as_of') }} as elapsed_days
    from repurchases
    inner join gaps
        on repurchases.variant_group = gaps.variant_group
    cross join as_of

),

shares as (

    select
        variant_group,
        (
            cast(sum(case when had_time and n_purchases > 1 then 1 else 0 end) as double)
            + {{ prior_share * prior_people }}
        )
        / (sum(case when had_time then 1 else 0 end) + {{ prior_people }}) as share
    from buyers
    group by variant_group
    having sum(case when mean_gap_days between gap_days / 2 and gap_days * 2 then 1 else 0 end) * 2
        >= count(mean_gap_days)

),

expected as (

    select
        buyers.*,
        shares.share,
        (coalesce(buyers.mean_gap_days, 0) * (buyers.n_purchases - 1) + buyers.gap_days * {{ prior_gaps }})
        / (buyers.n_purchases - 1 + {{ prior_gaps }}) as usual_gap_days
    from buyers
    inner join shares
        on buyers.variant_group = shares.variant_group
    where shares.share >= {{ least_share }}

),

due as (

    select
        *,
        -- Each time the person did come back counts as one success, on top of the share of all buyers.
        (n_purchases - 1 + share * {{ prior_gaps }}) / (n_purchases - 1 + {{ prior_gaps }})
        * least(elapsed_days / usual_gap_days, usual_gap_days / elapsed_days) as score
    from expected
    where elapsed_days between {{ due_from }} * usual_gap_days and {{ due_until }} * usual_gap_days

),

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
    where excluded.item_id is null

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
