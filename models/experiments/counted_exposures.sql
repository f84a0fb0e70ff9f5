-- one row per (experiment_id, unit_id): whose outcomes are counted, in an experiment or to plan one (arm '')
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

select
    experiment_id,
    unit,
    unit_id,
    user_id,
    item_id,
    arm,
    first_exposed_at
from {{ ref('exposures') }}

union all

select
    experiment_id,
    'user' as unit,
    user_id as unit_id,
    user_id,
    null as item_id,
    '' as arm,
    first_exposed_at
from {{ ref('planned_exposures') }}
