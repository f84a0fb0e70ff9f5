-- one row per (run_id, gate): this build's lists compared with the release that apps read, before apps read them
-- The first release passes but for `lists`. A gate that can't compare passes and says so. A replay of another day and a
-- build without the fold live publish nothing: they have no rows.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='run_id',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

{% set overridden = "('" ~ (var('kindred__override_gates') or ['']) | join("', '") ~ "')" %}
{% set served = kindred.served() %}

with gates as (

    select
        {{ kindred.select_table_columns('gates') }}
    from {{ kindred.table_relation('gates') }}

),

bounds as (

    select
        *,
        {{ kindred.gate_bound() }} as bound
    from gates

),

-- A daily build evaluates nothing: its lists keep the quality of the newest release that was evaluated.
measured as (

    select
        gate_measures.*,
        case
            when gate_measures.gate = 'quality' and gate_measures.measure is null then served_measures.measure
            else gate_measures.measure
        end as kept_measure,
        case
            when gate_measures.gate = 'quality' and gate_measures.measure is null then served_measures.standard_error
            else gate_measures.standard_error
        end as kept_error,
        served_measures.measure as served_measure,
        served_measures.standard_error as served_error,
        served_measures.first_at as served_first_at
    from {{ ref('gate_measures') }} as gate_measures
    left join {{ ref('served_measures') }} as served_measures
        on gate_measures.gate = served_measures.gate
    where {{ kindred.is_publishing() }}

),

compared as (

    select
        *,
        {{ kindred.text_literal(served.run_id) if served else "cast(null as varchar)" }} as compared_run_id,
        {{ kindred.text_literal(served.release_id) if served else "cast(null as varchar)" }} as compared_release_id,
        cast(
            case
                when gate = 'lists' then case when measure > 0 then 0 else 1 end
                when gate in ('catalog_coverage', 'people') then 1 - measure / nullif(served_measure, 0)
                when gate = 'quality'
                    then
                        (served_measure - measure)
                        / nullif(sqrt(power(standard_error, 2) + power(served_error, 2)), 0)
                when gate = 'rejected_events' then measure - served_measure
                when gate = 'stale_data'
                    then
                        {{ kindred.days_between('served_first_at', 'generated_at') }} - (measure - served_measure)
                when gate in ('data_age', 'volume', 'latency') then {{ 'measure' if served else 'null' }}
                else measure
            end as double
        ) as value
    from measured

),

evaluated as (

    select
        compared.*,
        bounds.bound,
        bounds.is_overridable,
        bounds.sentence,
        bounds.measure_name,
        bounds.way_out,
        bounds.gate is not null and coalesce(compared.value <= bounds.bound, true) as is_passed
    from compared
    left join bounds
        on compared.gate = bounds.gate

),

final as (

    select
        run_id,
        gate,
        compared_run_id,
        compared_release_id,
        kept_measure as measure,
        kept_error as standard_error,
        case when kept_measure = served_measure then served_first_at else generated_at end as first_at,
        value,
        bound,
        is_passed,
        not is_passed and coalesce(is_overridable, false) and gate in {{ overridden }} as is_overridden,
        {{ kindred.gate_explanation() }} as explanation,
        generated_at,
        cast('{{ kindred.run_clock() }}' as timestamp) as evaluated_at
    from evaluated

)

select * from final
