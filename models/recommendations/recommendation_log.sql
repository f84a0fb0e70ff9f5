-- one row per (run_id, user_id, rank): what each build decided to show, kept when the next one replaces the lists
-- Never rebuilt: a full refresh would erase what nothing can make again.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
    post_hook="{{ kindred.forget_old_lists(this) }}",
) }}

with recommendations as (select * from {{ ref('recommendations') }}),

recommendation_lists as (select * from {{ ref('recommendation_lists') }}),

earlier as ({{ kindred.previous_rows('recommendation_log', {'run_id': 'varchar'}) }}),

-- recommendations are of one run, so that building this table again finds either all of its rows here or none.
logged_runs as (

    select run_id
    from earlier
    where run_id = (select min(newest.run_id) from {{ ref('recommendations') }} as newest)
    group by run_id

),

final as (

    select
        recommendations.run_id,
        recommendation_lists.list_id,
        recommendations.user_id,
        recommendations.rank,
        recommendations.item_id,
        recommendations.score,
        recommendations.policy,
        recommendations.generator,
        recommendations.reason,
        recommendations.because_item_id,
        recommendations.propensity,
        {% if kindred.has_experiments() %}
        assignments.experiment_id,
        assignments.arm,
        assignments.context,
        drafted_lists.team,
        {% else %}
        {% for column in ['experiment_id', 'arm', 'context', 'team'] %}
        cast(null as varchar) as {{ column }},
        {% endfor %}
        {% endif %}
        recommendations.generated_at
    from recommendations
    inner join recommendation_lists
        on recommendations.user_id = recommendation_lists.user_id
    {%- if kindred.has_experiments() %}
    left join {{ ref('assignments') }} as assignments
        on recommendations.user_id = assignments.user_id
            and assignments.kind in ('lists', 'interleaving')
    left join {{ ref('drafted_lists') }} as drafted_lists
        on recommendations.user_id = drafted_lists.user_id
            and recommendations.rank = drafted_lists.rank
            and drafted_lists.fold = 'live'
    {%- endif %}
    left join logged_runs
        on recommendations.run_id = logged_runs.run_id
    where {{ 'false' if var('kindred__as_of') else 'true' }}
        and logged_runs.run_id is null

)

select * from final
