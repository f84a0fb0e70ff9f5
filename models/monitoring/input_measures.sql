-- one row per gate on what the shop gives: this build's figure, and the reasons that help a reader of a failed gate
{{ config(materialized='ephemeral') }}

with events as (

    select
        max(occurred_at) as last_event_at,
        coalesce('the newest event is of ' || cast(cast(max(occurred_at) as date) as varchar), 'no event is usable')
            as details
    from {{ ref('person_events') }}

),

rejections as (

    select
        rejection_reason,
        sum(n_events) as n_events,
        row_number() over (order by rejection_reason is null, sum(n_events) desc, rejection_reason) as place
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

compared_days as (

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
        case when sum(case when place <= 2 and is_outside then 1 else 0 end) = 2 then 1 else 0 end as is_unusual
    from compared_days
    group by input

),

volumes as (

    select
        sum(is_unusual) as n_inputs,
        nullif({{ dbt.listagg("case when is_unusual = 1 then input end", "', '", 'order by input') }}, '') as details
    from unusual_inputs

),

{% set newest = kindred.days_between("cast('1970-01-01' as timestamp)", 'events.last_event_at') %}
{% set age = kindred.days_between('events.last_event_at', "cast('" ~ kindred.run_clock() ~ "' as timestamp)") %}
{% set measures = {
    'rejected_events': ('rejected.share', 'rejected.details'),
    'traffic': ('left_out.share', 'left_out.details'),
    'stale_data': (newest, 'events.details'),
    'data_age': (age, 'events.details'),
    'volume': ('volumes.n_inputs', 'volumes.details'),
} %}

final as (

    {% for gate, (measure, details) in measures.items() %}
    select
        '{{ gate }}' as gate,
        cast({{ measure }} as double) as measure,
        cast(null as double) as standard_error,
        cast({{ details }} as varchar) as details
    from events
    cross join rejected
    cross join left_out
    cross join volumes
    {{ "union all" if not loop.last }}
    {% endfor %}

)

select * from final
