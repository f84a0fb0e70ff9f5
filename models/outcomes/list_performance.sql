-- one row per (run_id, policy, kind, generator, position): how lists did; '' (position: 0) stands for all values
with by_person as (select * from {{ ref('person_performance') }}),

added_up as (

    select
        run_id,
        policy,
        kind,
        generator,
        position,
        count(*) as n_people,
        sum(n_lists) as n_lists,
        sum(n_impressions) as n_impressions,
        sum(n_clicks) as n_clicks,
        sum(n_conversions) as n_conversions,
        {{ kindred.exact_sum('revenue') }} as revenue,
        cast(sum(n_clicks * n_clicks) as double) as clicks_squared,
        cast(sum(n_clicks * n_impressions) as double) as clicks_times_impressions,
        cast(sum(n_impressions * n_impressions) as double) as impressions_squared,
        cast(sum(n_clicks) as double) / sum(n_impressions) as ctr
    from by_person
    group by
        run_id,
        policy,
        kind,
        generator,
        position

),

{{ kindred.protected_cells(
    'added_up', ['run_id', 'policy', 'kind', 'generator', 'position'],
    {'kind': "''", 'generator': "''", 'position': '0', 'run_id': "''"}, 'n_people'
) }},

final as (

    select
        run_id,
        policy,
        kind,
        generator,
        cast(position as bigint) as position,
        cast(n_people as bigint) as n_people,
        cast(n_lists as bigint) as n_lists,
        cast(n_impressions as bigint) as n_impressions,
        cast(n_clicks as bigint) as n_clicks,
        ctr,
        -- The error of a ratio of two sums over people (Cochran, Sampling Techniques, 6.4).
        sqrt(
            greatest(clicks_squared - 2 * ctr * clicks_times_impressions + ctr * ctr * impressions_squared, 0)
            * cast(n_people as double) / nullif(n_people - 1, 0)
        ) / n_impressions as ctr_standard_error,
        cast(n_conversions as bigint) as n_conversions,
        cast(n_conversions as double) / n_impressions as conversion_rate,
        revenue,
        revenue / n_lists as revenue_per_list
    from protected

)

select * from final
