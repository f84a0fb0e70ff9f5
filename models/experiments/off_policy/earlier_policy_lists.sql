-- one row per (run_id, user_id, policy, rank, item_id): what each policy could have shown to some people
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with policy_lists as (

    {{ kindred.previous_rows('policy_lists', {
        'run_id': 'varchar', 'user_id': 'varchar', 'policy': 'varchar', 'rank': 'bigint', 'item_id': 'varchar',
        'propensity': 'double',
    }) }}

)

select *
from policy_lists
where run_id <> '{{ invocation_id }}'
