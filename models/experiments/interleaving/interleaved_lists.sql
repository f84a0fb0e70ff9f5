-- one row per (experiment_id, list_id, item_id): the lists of earlier builds that were made of two policies' lists
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with recommendation_log as (

    {{ kindred.previous_rows('recommendation_log', {
        'run_id': 'varchar', 'list_id': 'varchar', 'item_id': 'varchar', 'experiment_id': 'varchar', 'team': 'varchar',
    }) }}

),

earlier as (select * from recommendation_log where run_id <> '{{ invocation_id }}'),

-- A list of which both sides have every item is of such an experiment too: its clicks count for neither side.
experiments as (

    select experiment_id
    from earlier
    where team is not null
    group by experiment_id

),

final as (

    select
        earlier.experiment_id,
        earlier.list_id,
        earlier.item_id,
        earlier.team
    from earlier
    inner join experiments
        on earlier.experiment_id = experiments.experiment_id

)

select * from final
