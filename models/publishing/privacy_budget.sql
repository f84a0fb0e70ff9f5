-- one row per build that draws new noise: what it may tell of one person
-- Never rebuilt: what was told can't be taken back. What a person may have lost is the sum over the rows. A day's data are
-- told of once, however many builds the day has; a replay tells nothing.
{{ config(
    enabled=(kindred.setting('privacy', 'epsilon') != ''),
    materialized='incremental',
    unique_key='run_id',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

with as_of as (select max(as_of) as as_of from {{ ref('folds') }}),

final as (

    select
        '{{ invocation_id }}' as run_id,
        as_of,
        cast({{ kindred.setting('privacy', 'epsilon') or 1 }} as double) as epsilon,
        cast(1e-6 as double) as delta,
        cast({{ kindred.setting('privacy', 'max_items_per_person') }} as bigint) as max_items_per_person,
        cast('{{ kindred.run_clock() }}' as timestamp) as spent_at
    from as_of
    where {{ kindred.is_publishing() }}

)

select final.*
from final
left join (

    {{ kindred.previous_rows('privacy_budget', {
        'run_id': 'varchar', 'as_of': 'timestamp', 'epsilon': 'double', 'max_items_per_person': 'bigint',
    }) }}

) as earlier
    on final.as_of = earlier.as_of
        and final.epsilon = earlier.epsilon
        and final.max_items_per_person = earlier.max_items_per_person
        and final.run_id <> earlier.run_id
where earlier.run_id is null
