-- one row per (experiment_id, context, item_id, arm, valid_from): what was offered, whenever that changed
-- Never rebuilt: a full refresh would erase what nothing can make again.
{{ config(
    enabled=kindred.has_experiments(),
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}
{#- What a row of the log is about; '' = the item is not in the arm. -#}
{% set decided -%}
    case
        when share > 0
            then concat(coalesce(value, ''), '|', coalesce(cast(price as varchar), ''), '|', from_key, '|', to_key)
        else ''
    end
{%- endset %}

with item_arms as (

    select
        *,
        {{ decided }} as decided
    from {{ ref('item_arms') }}

),

logged as (

    select *
    from (
        {{ kindred.previous_rows('item_arm_log', {
            'run_id': 'varchar', 'experiment_id': 'varchar', 'context': 'varchar', 'item_id': 'varchar', 'arm': 'varchar',
            'value': 'varchar', 'price': 'double', 'share': 'double', 'from_key': 'varchar', 'to_key': 'varchar',
            'valid_from': 'timestamp',
        }) }}
    ) as earlier

),

-- dbt may build this model twice in one run.
logged_runs as (select run_id from logged where run_id = '{{ invocation_id }}' group by run_id),

newest as (

    select
        *,
        {{ decided }} as decided
    from (
        select
            *,
            row_number() over (
                partition by experiment_id, context, item_id, arm
                order by valid_from desc, run_id desc
            ) as age
        from logged
    ) as numbered
    where age = 1

),

-- An arm that an item is in no more has a row without a price, and with share 0.
final as (

    select
        '{{ invocation_id }}' as run_id,
        coalesce(item_arms.experiment_id, newest.experiment_id) as experiment_id,
        coalesce(item_arms.context, newest.context) as context,
        coalesce(item_arms.item_id, newest.item_id) as item_id,
        coalesce(item_arms.arm, newest.arm) as arm,
        item_arms.value,
        item_arms.price,
        coalesce(item_arms.share, 0e0) as share,
        coalesce(item_arms.from_key, 'g') as from_key,
        coalesce(item_arms.to_key, 'g') as to_key,
        cast('{{ kindred.run_clock() }}' as timestamp) as valid_from
    from item_arms
    full outer join newest
        on item_arms.experiment_id = newest.experiment_id
            and item_arms.context = newest.context
            and item_arms.item_id = newest.item_id
            and item_arms.arm = newest.arm
    left join logged_runs
        on logged_runs.run_id is not null
    where {{ 'true' if kindred.is_publishing() else 'false' }}
        and logged_runs.run_id is null
        and coalesce(item_arms.decided, '') <> coalesce(newest.decided, '')

)

select * from final
