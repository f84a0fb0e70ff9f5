-- one row per (run_id, policy, kind, generator, position, user_id): how lists did with a person; '' (position: 0) = all
{{ config(materialized='view') }}
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

-- The places of a list and the lists of a person are clicked by the same person, so the standard error is that of a
-- sample of people.
final as (

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

)

select * from final
