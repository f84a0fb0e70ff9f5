-- one row per run_id: what was built, from what, how and how long
-- Never rebuilt: a full refresh would erase what nothing can make again.
{{ config(
    materialized='incremental',
    unique_key='run_id',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

{% set started_at = "cast('" ~ kindred.run_clock() ~ "' as timestamp)" %}
{% set settings = {} %}
{#- YAML reads 2026-05-01 as a date, which JSON hasn't got. -#}
{% for name in kindred.setting_names() %}
{% do settings.update({name: var(name) | string if var(name).isoformat is defined else var(name)}) %}
{% endfor %}

with event_counts as (

    select
        coalesce(sum(case when rejection_reason is null then n_events end), 0) as n_events,
        coalesce(sum(case when rejection_reason is not null then n_events end), 0) as n_rejected_events
    from {{ ref('event_counts') }}

),

-- A sum of hashes: the same events in any order give the same fingerprint.
person_events as (

    select
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at,
        cast(sum(cast(mod(hash(user_id, event_type, item_id, occurred_at), 1000000007) as bigint)) as varchar)
            as fingerprint
    from {{ ref('person_events') }}

),

interactions as (select count(*) as n_interactions from {{ ref('interactions') }} where fold = 'live'),

items as (select count(*) as n_items from {{ ref('kindred', 'items') }}),

recommendations as (

    select
        count(*) as n_recommendations,
        count(distinct user_id) as n_people,
        count(distinct item_id) as n_recommended_items
    from {{ ref('recommendations') }}

),

as_of as (select max(as_of) as as_of from {{ ref('folds') }}),

training as (select * from {{ ref('training_policy') }}),

ranker as (select * from {{ ref('ranker_in_use') }}),

trained as (select * from {{ ref('trained_steps') }}),

final as (

    select
        '{{ invocation_id }}' as run_id,
        cast({{ kindred.text_literal(tojson(settings)) }} as varchar) as parameters,
        person_events.fingerprint as data_fingerprint,
        cast(event_counts.n_events as bigint) as n_events,
        cast(event_counts.n_rejected_events as bigint) as n_rejected_events,
        cast(interactions.n_interactions as bigint) as n_interactions,
        cast(items.n_items as bigint) as n_items,
        cast(recommendations.n_people as bigint) as n_people,
        cast(recommendations.n_recommendations as bigint) as n_recommendations,
        cast(recommendations.n_recommended_items as bigint) as n_recommended_items,
        discoveries.n_discoveries,
        cast(discoveries.n_short_of_discoveries as bigint) as n_short_of_discoveries,
        ranker.kind as ranker,
        ranker.note as ranker_note,
        training.reason as training,
        training.training_settings,
        trained.transformer_steps,
        cast({{ dbt.datediff(started_at, kindred.utc_now(), 'second') }} as double) as seconds,  -- noqa: LT05
        as_of.as_of,
        training.learned_until,
        person_events.first_event_at,
        person_events.last_event_at,
        cast('{{ kindred.run_clock() }}' as timestamp) as started_at
    from event_counts
    cross join person_events
    cross join interactions
    cross join items
    cross join recommendations
    cross join {{ ref('discovery_counts') }} as discoveries
    cross join as_of
    cross join ranker
    cross join training
    cross join trained

)

select * from final
