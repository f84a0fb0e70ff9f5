-- one row per (run_id, policy, kind, generator, position): how lists did, '' (position: 0) standing for all of them together
{% set finer = [[], ['kind'], ['kind', 'generator'], ['kind', 'position'], ['kind', 'generator', 'position']] %}
{% set breakdowns = [] %}
{% for columns in finer %}{% do breakdowns.extend([columns, columns + ['run_id']]) %}{% endfor %}

with list_outcomes as (select * from {{ ref('list_outcomes') }}),

breakdowns as (

    {% for columns in breakdowns %}
    select
        {{ 'run_id' in columns }} as by_run,
        {{ 'kind' in columns }} as by_kind,
        {{ 'generator' in columns }} as by_generator,
        {{ 'position' in columns }} as by_position
    {{ "union all" if not loop.last }}
    {% endfor %}

),

impressions as (

    select
        case when breakdowns.by_run then coalesce(list_outcomes.run_id, 'unknown') else '' end as run_id,
        case when breakdowns.by_kind then list_outcomes.kind else '' end as kind,
        case when breakdowns.by_generator then list_outcomes.generator else '' end as generator,
        case when breakdowns.by_position then coalesce(list_outcomes.position, -1) else 0 end as position,
        list_outcomes.policy,
        list_outcomes.user_id,
        list_outcomes.list_id,
        case when list_outcomes.n_clicks > 0 then 1 else 0 end as is_clicked,
        case when list_outcomes.n_purchases > 0 then 1 else 0 end as is_bought,
        list_outcomes.revenue
    from list_outcomes
    cross join breakdowns

),

-- Counting different lists per person in one step costs more: 16 CPU seconds for 2 million impressions instead of 9.
by_list as (

    select
        run_id,
        policy,
        kind,
        generator,
        position,
        user_id,
        list_id,
        count(*) as n_impressions,
        sum(is_clicked) as n_clicks,
        sum(is_bought) as n_conversions,
        {{ kindred.exact_sum('revenue') }} as revenue
    from impressions
    group by
        run_id,
        policy,
        kind,
        generator,
        position,
        user_id,
        list_id

),

-- By person: the places of a list, and the lists of a person, are clicked by the same hand, so that the error has to be
-- counted among people.
by_person as (

    select
        run_id,
        policy,
        kind,
        generator,
        position,
        user_id,
        count(*) as n_lists,
        sum(n_impressions) as n_impressions,
        sum(n_clicks) as n_clicks,
        sum(n_conversions) as n_conversions,
        {{ kindred.exact_sum('revenue') }} as revenue
    from by_list
    group by
        run_id,
        policy,
        kind,
        generator,
        position,
        user_id

),

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
    from added_up

)

select * from final
