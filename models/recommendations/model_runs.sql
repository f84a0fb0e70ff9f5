-- one row per run_id: what was built, from what, how and how long
{{ config(materialized='incremental', unique_key='run_id', on_schema_change='append_new_columns') }}

{% set settings = {} %}
{% for name in kindred.setting_names() %}{% do settings.update({name: var(name)}) %}{% endfor %}

with events as (

    select
        count(*) as n_events,
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at,
        cast(sum(cast(mod(hash(event_id, event_type, item_id, occurred_at), 1000000007) as bigint)) as varchar)
            as fingerprint
    from {{ ref('events') }}

),

rejected_events as (select count(*) as n_rejected_events from {{ ref('rejected_events') }}),

interactions as (select count(*) as n_interactions from {{ ref('interactions') }} where fold = 'live'),

items as (select count(*) as n_items from {{ ref('items') }}),

recommendations as (

    select
        count(*) as n_recommendations,
        count(distinct user_id) as n_people,
        count(distinct item_id) as n_recommended_items
    from {{ ref('recommendations') }}

),

as_of as (select max(as_of) as as_of from {{ ref('folds') }}),

final as (

    select
        '{{ invocation_id }}' as run_id,
        '{{ tojson(settings) | replace("'", "''") }}' as parameters,
        events.fingerprint as data_fingerprint,
        cast(events.n_events as bigint) as n_events,
        cast(rejected_events.n_rejected_events as bigint) as n_rejected_events,
        cast(interactions.n_interactions as bigint) as n_interactions,
        cast(items.n_items as bigint) as n_items,
        cast(recommendations.n_people as bigint) as n_people,
        cast(recommendations.n_recommendations as bigint) as n_recommendations,
        cast(recommendations.n_recommended_items as bigint) as n_recommended_items,
        cast({{ dbt.datediff("cast('" ~ kindred.run_clock() ~ "' as timestamp)", kindred.utc_now(), 'second') }} as double)
            as seconds,
        as_of.as_of,
        events.first_event_at,
        events.last_event_at,
        cast('{{ kindred.run_clock() }}' as timestamp) as started_at
    from events
    cross join rejected_events
    cross join interactions
    cross join items
    cross join recommendations
    cross join as_of

)

select * from final
