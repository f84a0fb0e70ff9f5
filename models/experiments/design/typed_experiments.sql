-- one row per row of the table of experiments, in types that can be counted with and with its defaults
{{ config(enabled=kindred.has_experiments()) }}

with declared as (

    select
        {{ kindred.select_table_columns('experiments') }}
    from {{ kindred.table_relation('experiments') }}

),

metrics as (

    select
        {{ kindred.select_table_columns('experiment_metrics') }}
    from {{ kindred.table_relation('experiment_metrics') }}

),

known_metrics as (

    select
        metric,
        max(case when statistic = 'quantile' then 1 else 0 end) = 1 as is_quantile
    from metrics
    where metric is not null
    group by metric

),

filled as (

    select
        coalesce(experiment_id, '') as experiment_id,
        kind,
        coalesce(layer, experiment_id, '') as layer,
        layer is not null as has_layer,
        case when layer_from is not null or layer_from_text is null then coalesce(layer_from, 0) end as layer_from,
        case when layer_to is not null or layer_to_text is null then coalesce(layer_to, 1) end as layer_to,
        -- A price is that of an item, unless the shop says that people may see different ones.
        coalesce(unit, case when kind = 'price' then 'item' else 'user' end) as unit,
        coalesce(salt, experiment_id, '') as salt,
        coalesce(allocation, 'fixed') as allocation,
        coalesce(stopping, 'fixed') as stopping,
        coalesce(metric, case when kind in ('lists', 'interleaving') then 'ctr' else 'conversion' end) as metric,
        planned_people,
        case when planned_people is null then planned_people_text end as planned_people_text,
        case when forgetting is not null or forgetting_text is null then coalesce(forgetting, 1) end as forgetting,
        starts_at,
        case when starts_at is null then starts_at_text end as starts_at_text,
        ends_at,
        case when ends_at is null then ends_at_text end as ends_at_text
    from declared

),

final as (

    select
        filled.*,
        known_metrics.metric is not null as is_known_metric,
        coalesce(known_metrics.is_quantile, false) as is_quantile,
        count(*) over (partition by filled.experiment_id) as n_rows_of_id
    from filled
    left join known_metrics
        on filled.metric = known_metrics.metric

)

select * from final
