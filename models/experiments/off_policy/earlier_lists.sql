-- one row per (run_id, user_id, rank): the log of lists as earlier builds left it
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with recommendation_log as (

    {{ kindred.previous_rows('recommendation_log', {
        'run_id': 'varchar', 'list_id': 'varchar', 'user_id': 'varchar', 'rank': 'bigint', 'item_id': 'varchar',
        'policy': 'varchar', 'experiment_id': 'varchar', 'arm': 'varchar', 'context': 'varchar', 'team': 'varchar',
        'generated_at': 'timestamp',
    }) }}

)

-- Without lists of other policies there is nothing to compare with, and the log is not looked at.
select *
from recommendation_log
where run_id <> '{{ invocation_id }}'
    and {{ 'true' if kindred.previous('policy_lists') else 'false' }}
