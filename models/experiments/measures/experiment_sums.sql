-- one row per (experiment_id, day, arm, segment_by, segment, metric): sums over the people first exposed on a day
{{ config(enabled=kindred.has_experiments()) }}

{% set sums = kindred.moment_sums() %}

with cells as (select * from {{ ref('experiment_cells') }}),

kinds as (

    select '' as segment_by
    union all
    select 'segment' as segment_by
    union all
    select 'activity' as segment_by

),

final as (

    select
        cells.experiment_id,
        cells.exposed_on as day,
        cells.arm,
        kinds.segment_by,
        case kinds.segment_by when 'segment' then cells.segment when 'activity' then cells.activity else '' end
            as segment,
        cells.metric,
        {% for column, factors in sums.items() -%}
        cast(sum(cells.{{ column }}) as double) / {{ '1e6' if factors | length == 1 else '1e12' }} as {{ column }},
        {% endfor -%}
        cast(sum(cells.n) as bigint) as n,
        cast(sum(cells.n_winsorized) as bigint) as n_winsorized,
        cast(sum(cells.n_positive) as bigint) as n_positive
    from cells
    cross join kinds
    group by
        cells.experiment_id,
        cells.exposed_on,
        cells.arm,
        kinds.segment_by,
        case kinds.segment_by when 'segment' then cells.segment when 'activity' then cells.activity else '' end,
        cells.metric

)

select * from final
