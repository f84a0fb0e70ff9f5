-- one row per (run_id, experiment_id, user_id): the arm that each build gave a person, for experiments on lists
-- Never rebuilt: a full refresh would erase what nothing can make again.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
    post_hook="{{ kindred.forget_old_lists(this) }}",
) }}

select
    '{{ invocation_id }}' as run_id,
    experiment_id,
    user_id,
    arm,
    policy,
    context,
    propensity,
    cast('{{ kindred.run_clock() }}' as timestamp) as generated_at
from {{ ref('assignments') }}
where kind in ('lists', 'interleaving', 'holdout')
    and {{ 'false' if var('kindred__as_of') else 'true' }}
