-- one row per (run_id, experiment_id, context, arm): with what probability each build assigned an arm
-- Never rebuilt: a full refresh would erase what nothing can make again.
{{ config(
    enabled=kindred.has_experiments(),
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

with current_arms as (select * from {{ ref('current_arms') }}),

-- dbt may build this model twice in one run.
logged_runs as (

    select run_id
    from ({{ kindred.previous_rows('arm_shares', {'run_id': 'varchar'}) }}) as earlier
    where run_id = '{{ invocation_id }}'
    group by run_id

),

final as (

    select
        '{{ invocation_id }}' as run_id,
        current_arms.experiment_id,
        current_arms.context,
        current_arms.arm,
        current_arms.share,
        current_arms.from_key,
        current_arms.to_key,
        current_arms.salt,
        current_arms.policy,
        current_arms.value,
        current_arms.reason,
        current_arms.is_frozen,
        current_arms.n_people,
        current_arms.reward,
        current_arms.posterior_mean,
        current_arms.posterior_sd,
        current_arms.p_best,
        cast('{{ kindred.run_clock() }}' as timestamp) as valid_from
    from current_arms
    left join logged_runs
        on logged_runs.run_id is not null
    where {{ 'true' if kindred.is_publishing() else 'false' }}
        and logged_runs.run_id is null

)

select * from final
