-- one row per (experiment_id, day, arm, segment_by, segment, metric): sums over the people first exposed on a day
{{ config(enabled=kindred.has_experiments()) }}

with sums as (select * from {{ ref('experiment_sums') }} where arm <> ''),

{{ kindred.protected_cells(
    'sums', ['experiment_id', 'day', 'arm', 'segment_by', 'segment', 'metric'], {'segment': "''"}, 'n'
) }},

final as (

    select
        experiment_id,
        day,
        arm,
        segment_by,
        segment,
        metric,
        {% for column in kindred.moment_sums() -%}
        {{ column }},
        {% endfor -%}
        n,
        n_winsorized
    from protected

)

select * from final
