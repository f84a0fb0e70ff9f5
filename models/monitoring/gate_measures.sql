-- one row per gate: this build's figure, and the reasons that help a reader of a failed gate
-- What apps and people read beside the lists is published or held back with them, so its tests come first too:
-- depends_on: {{ ref('buy_again') }}, {{ ref('people_for_item') }}
-- depends_on: {{ ref('rejected_events') }}, {{ ref('builds') }}, {{ ref('recommendation_log') }}
{{ config(materialized='ephemeral') }}

{% set clock = "cast('" ~ kindred.run_clock() ~ "' as timestamp)" %}
{% set depth = 10 %}
{% set rollback = kindred.read_rollback() %}
{% set served = kindred.served() %}
{% set served_run = kindred.text_literal(served.run_id if served else '') %}

with recommendations as (select * from {{ ref('recommendations') }}),

build as (

    select
        coalesce(max(run_id), '{{ invocation_id }}') as run_id,
        coalesce(max(generated_at), {{ clock }}) as generated_at,
        count(distinct item_id) as n_items,
        count(distinct user_id) as n_people
    from recommendations

),

catalogue as (

    select count(*) as n_items
    from {{ ref('item_features') }}
    where fold = 'live'
        and is_recommendable

),

events as (

    select
        count(*) as n_events,
        max(occurred_at) as last_event_at,
        coalesce('the newest event is of ' || cast(cast(max(occurred_at) as date) as varchar), 'no event is usable')
            as details
    from {{ ref('person_events') }}

),

rejections as (

    select
        rejection_reason,
        sum(n_events) as n_events,
        row_number() over (
            order by case when rejection_reason is null then 1 else 0 end, sum(n_events) desc, rejection_reason
        ) as place
    from {{ ref('event_counts') }}
    group by rejection_reason

),

rejected as (

    select
        sum(case when rejection_reason is not null then n_events else 0 end)
        / nullif(cast(sum(n_events) as double), 0) as share,
        {{ dbt.listagg(
            "case when place <= 5 and rejection_reason is not null"
            ~ " then concat(rejection_reason, ' (', cast(cast(n_events as bigint) as varchar), ')') end",
            "', '", 'order by place'
        ) }} as details
    from rejections

),

traffic_rules as (

    select
        rule_id,
        share,
        n_events,
        row_number() over (order by n_events desc, rule_id) as place
    from {{ ref('traffic_report') }}
    where is_left_out

),

left_out as (

    select
        coalesce(sum(share), 0) as share,
        {{ dbt.listagg(
            "case when place <= 5 then concat(rule_id, ' (', cast(n_events as varchar), ')') end",
            "', '", 'order by place'
        ) }} as details
    from traffic_rules

),

changes as (

    select
        {{ kindred.exact_sum('new_share', scale=12) }} / nullif(count(*), 0) as share,
        concat(cast(count(*) as varchar), ' people compared') as details
    from {{ ref('changed_lists') }}

),

quality as (

    select
        max(value) as ndcg,
        max(standard_error) as standard_error
    from {{ ref('evaluation_metrics') }}
    where fold = 'backtest'
        and policy = 'main'
        and generator = 'blend'
        and user_group = 'all'
        and metric = 'ndcg'
        and k = {{ depth }}

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
        and reference_run_id = {{ served_run }}

),

risen as (

    select
        max(rise) as rise,
        max(details) as details
    from {{ ref('risen_concentration') }}

),

judged_days as (

    select
        input,
        n_rows < lower or n_rows > upper as is_outside,
        row_number() over (partition by input order by day desc) as place
    from {{ ref('data_health') }}
    where expected is not null

),

unusual_inputs as (

    select
        input,
        max(case when place = 1 and is_outside then 1 else 0 end)
        * max(case when place = 2 and is_outside then 1 else 0 end) as is_unusual
    from judged_days
    group by input

),

volumes as (

    select
        sum(is_unusual) as n_inputs,
        nullif({{ dbt.listagg("case when is_unusual = 1 then input end", "', '", 'order by input') }}, '') as details
    from unusual_inputs

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

{% set newest = kindred.days_between("cast('1970-01-01' as timestamp)", 'events.last_event_at') %}
{% set age = kindred.days_between('events.last_event_at', clock) %}
{% set nothing = "concat(cast(catalogue.n_items as varchar), ' recommendable items, ', " ~
    "cast(events.n_events as varchar), ' usable events')" %}
{% set measures = {
    'lists': ('build.n_people', 'null', nothing),
    'catalog_coverage': ('build.n_items / nullif(cast(catalogue.n_items as double), 0)', 'null', 'null'),
    'people': ('build.n_people', 'null', 'null'),
    'quality': ('quality.ndcg', 'quality.standard_error', 'null'),
    'rejected_events': ('rejected.share', 'null', 'rejected.details'),
    'traffic': ('left_out.share', 'null', 'left_out.details'),
    'stale_data': (newest, 'null', 'events.details'),
    'data_age': (age, 'null', 'events.details'),
    'changed_lists': ('changes.share', 'null', 'changes.details'),
    'drift': ('drifted.share', 'null', 'drifted.details'),
    'concentration': ('risen.rise', 'null', 'risen.details'),
    'volume': ('volumes.n_inputs', 'null', 'volumes.details'),
    'latency': ('latencies.p99_ms', 'null', 'latencies.details'),
    'rollback_hold': (1 if rollback and rollback.is_held else 0, 'null', 'null'),
} %}

final as (

    {% for gate, (measure, standard_error, details) in measures.items() %}
    select
        build.run_id,
        '{{ gate }}' as gate,
        cast({{ measure }} as double) as measure,
        cast({{ standard_error }} as double) as standard_error,
        cast({{ details }} as varchar) as details,
        build.generated_at
    from build
    cross join catalogue
    cross join events
    cross join rejected
    cross join left_out
    cross join changes
    cross join quality
    cross join drifted
    cross join risen
    cross join volumes
    cross join latencies
    {{ "union all" if not loop.last }}
    {% endfor %}

)

select * from final
