-- one row per gate: this build's figure, and the reasons that help a reader of a failed gate
-- What apps and people read beside the lists is published or held back with them, so its tests come first too:
-- depends_on: {{ ref('buy_again') }}, {{ ref('people_for_item') }}
-- depends_on: {{ ref('rejected_events') }}, {{ ref('builds') }}, {{ ref('recommendation_log') }}
{{ config(materialized='ephemeral') }}

{% set clock = "cast('" ~ kindred.run_clock() ~ "' as timestamp)" %}
{% set rollback = kindred.read_rollback() %}
{% set served = kindred.served() %}

with build as (

    select
        coalesce(max(run_id), '{{ invocation_id }}') as run_id,
        coalesce(max(generated_at), {{ clock }}) as generated_at
    from {{ kindred.published_lists() }}

),

drifted as (

    select
        avg(case when is_drifted then 1.0e0 when not is_drifted then 0.0e0 end) as share,
        coalesce(nullif({{ dbt.listagg(
            "case when is_drifted then concat(subject, ' ', column_name) end", "', '", 'order by psi desc, column_name'
        ) }}, ''), min(note)) as details
    from {{ ref('drift') }}
    where kind = 'feature'
        and run_id in (select build.run_id from build)
        and reference_run_id = {{ kindred.text_literal(served.run_id if served else '') }}

),

latencies as (

    {% if kindred.given_gate_bounds().get('latency') is not none -%}
    -- The table is written after publication: what stands there of the last day is of the release that is served.
    select
        max(p99_ms) as p99_ms,
        max_by(endpoint, p99_ms) as details
    from ({{ kindred.previous_rows('service_levels', {
        'day': 'date', 'endpoint': 'varchar', 'n': 'bigint', 'p99_ms': 'double',
    }) }}) as earlier
    where n >= 100
        and day >= {{ dbt.dateadd('day', -2, clock) }}
    {%- else -%}
    select
        cast(null as double) as p99_ms,
        cast(null as varchar) as details
    {%- endif %}

),

measured as (

    select * from {{ ref('list_measures') }}

    union all

    select * from {{ ref('input_measures') }}

    union all

    select
        'drift' as gate,
        cast(share as double) as measure,
        cast(null as double) as standard_error,
        cast(details as varchar) as details
    from drifted

    union all

    select
        'latency' as gate,
        cast(p99_ms as double) as measure,
        cast(null as double) as standard_error,
        cast(details as varchar) as details
    from latencies

    union all

    select
        'rollback_hold' as gate,
        cast({{ 1 if rollback and rollback.is_held else 0 }} as double) as measure,
        cast(null as double) as standard_error,
        cast(null as varchar) as details

),

final as (

    select
        build.run_id,
        measured.gate,
        measured.measure,
        measured.standard_error,
        measured.details,
        build.generated_at
    from build
    cross join measured

)

select * from final
