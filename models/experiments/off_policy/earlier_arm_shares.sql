-- one row per (run_id, experiment_id, context, arm): the shares of arms that were in force in earlier builds
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with arm_shares as (

    {{ kindred.previous_rows('arm_shares', {
        'run_id': 'varchar', 'experiment_id': 'varchar', 'context': 'varchar', 'arm': 'varchar', 'policy': 'varchar',
        'share': 'double',
    }) }}

)

select *
from arm_shares
where run_id <> '{{ invocation_id }}'
