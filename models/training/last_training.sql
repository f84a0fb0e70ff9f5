-- one row: the newest training of the fold live that earlier builds report, nulls where there was none
-- A build writes its row of builds last, so a build that failed half-way trained nothing. Ephemeral, so that
-- `dbt build --select training_policy` looks again.
{{ config(materialized='ephemeral') }}

with builds as (

    {{ kindred.previous_rows('builds', {
        'run_id': 'varchar', 'learned_until': 'timestamp', 'training_settings': 'varchar', 'started_at': 'timestamp',
    }) }}

),

newest as (

    select
        learned_until,
        training_settings
    from builds
    where learned_until is not null
    qualify row_number() over (order by started_at desc nulls last, run_id desc) = 1

),

final as (

    select
        max(learned_until) as learned_until,
        max(training_settings) as training_settings
    from newest

)

select * from final
