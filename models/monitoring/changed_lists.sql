-- one row per user_id of people with a list now and in the served release: the share of the first 10 items that is new
-- Ephemeral, as all that publish_gates reads of what is served: `dbt build --select publish_gates+` then looks again.
{{ config(materialized='ephemeral') }}

{% set served = kindred.served() %}
{% set depth = 10 %}

with recommendations as (select * from {{ ref('recommendations') }}),

recommendation_log as (

    {{ kindred.previous_rows('recommendation_log', {
        'run_id': 'varchar', 'user_id': 'varchar', 'item_id': 'varchar', 'rank': 'bigint',
    }) }}

),

served_lists as (

    select
        user_id,
        item_id
    from recommendation_log
    where run_id = {{ kindred.text_literal(served.run_id if served else '') }}
        and rank <= {{ depth }}

),

served_people as (select user_id from served_lists group by user_id),

final as (

    select
        recommendations.user_id,
        sum(case when served_lists.item_id is null then 1 else 0 end) / cast(count(*) as double) as new_share
    from recommendations
    inner join served_people
        on recommendations.user_id = served_people.user_id
    left join served_lists
        on recommendations.user_id = served_lists.user_id
            and recommendations.item_id = served_lists.item_id
    where recommendations.rank <= {{ depth }}
    group by recommendations.user_id

)

select * from final
