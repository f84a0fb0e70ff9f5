-- one row per (run_id, policy), '' for all: how unequally lists share out the catalogue, and whether it grows
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='run_id',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

with build as (select * from {{ ref('publishing_build') }}),

list_concentration as (select * from {{ ref('list_concentration') }}),

taken_items as (select * from {{ ref('taken_items') }}),

held_out_concentration as (select * from {{ ref('held_out_concentration') }}),

gini_trends as (select * from {{ ref('gini_trends') }}),

list_settings as (select * from {{ ref('list_settings') }}),

final as (

    select
        build.run_id,
        list_concentration.policy,
        cast(list_concentration.n_items as bigint) as n_items,
        list_concentration.gini,
        list_concentration.top_share,
        list_concentration.coverage,
        list_concentration.mean_percentile / nullif(taken_items.mean_percentile, 0) - 1 as popularity_lift,
        taken_items.loop_share,
        gini_trends.slope,
        gini_trends.slope_standard_error,
        gini_trends.is_rising,
        cast(gini_trends.n as bigint) as n_releases,
        case when list_concentration.policy = '' then held_out_concentration.gini_held_out end as gini_held_out,
        case when list_concentration.policy = '' then held_out_concentration.gini_others end as gini_others,
        list_settings.settings_key,
        build.generated_at
    from list_concentration
    cross join build
    cross join held_out_concentration
    cross join list_settings
    left join taken_items
        on list_concentration.policy = taken_items.policy
    left join gini_trends
        on list_concentration.policy = gini_trends.policy

)

select * from final
