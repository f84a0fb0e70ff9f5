-- one row per (fold, user_id) of a person with more events than one person's count for popularity
{#- What one person does counts for at most so many items at the ceiling. -#}
{% set ceiling = kindred.setting('traffic', 'max_events_per_person') %}
{% set most_items = 20 %}

with counted as (

    select
        fold,
        user_id,
        cast(sum(least(n_events, {{ ceiling }})) as double) as n_counted_events
    from {{ ref('interactions') }}
    group by
        fold,
        user_id

),

final as (

    select
        fold,
        user_id,
        {{ ceiling * most_items }} / n_counted_events as share
    from counted
    where n_counted_events > {{ ceiling * most_items }}

)

select * from final
