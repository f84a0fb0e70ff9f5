-- one row per (user_id, variant_group): a thing that a person has probably used up
{#- So many people must have bought a thing again, and such a share of its buyers: fewer may be chance, or gifts. -#}
{% set least_people, least_share = [5, kindred.setting('privacy', 'min_people')] | max, 0.1 %}
{#- The share starts from that of so many buyers of anything, a person's own gap from so many gaps of others. -#}
{% set prior_share, prior_people, prior_gaps = 0.05, 20, 2 %}
{#- Due from shortly before the usual gap is over until the person has clearly gone elsewhere; in usual gaps. -#}
{% set due_from, due_until = 0.8, 3 %}

with repurchases as (select * from {{ ref('repurchases') }}),

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

-- A person's gap agrees with the median if it is within a factor of two of it; without a majority that agrees there is
-- no usual gap. The share is that of the buyers who have had the time to come back.
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

final as (

    select
        user_id,
        variant_group,
        n_purchases,
        last_bought_at,
        usual_gap_days,
        -- Each time the person did come back counts as one success, on top of the share of all buyers.
        (n_purchases - 1 + share * {{ prior_gaps }}) / (n_purchases - 1 + {{ prior_gaps }})
        * least(elapsed_days / usual_gap_days, usual_gap_days / elapsed_days) as score
    from expected
    where elapsed_days between {{ due_from }} * usual_gap_days and {{ due_until }} * usual_gap_days
        and {{ kindred.lists_for_people() }}

)

select * from final
