-- one row per (kind, subject, column_name, bin, category): the rows of this build and of its reference in a bin
-- The reference is the build that apps are served. Where its bins are not known, it is the newest build before.
{{ config(materialized='ephemeral') }}
{% set served = kindred.served() %}
{% set notes = {
    'settings': 'the settings that make features are not those of then',
    'history': 'the days of events grew by more than a tenth since then',
} %}

with builds as (

    select
        drift_bins.run_id,
        max(case when recommendations.run_id is null then 0 else 1 end) as is_new,
        max(case when drift_bins.run_id = {{ kindred.text_literal(served.run_id if served else '') }} then 1 else 0 end)
            as is_served,
        min(drift_bins.settings_key) as settings_key,
        min(drift_bins.history_days) as history_days,
        min(drift_bins.generated_at) as generated_at
    from {{ ref('drift_bins') }} as drift_bins
    left join (select min(run_id) as run_id from {{ ref('recommendations') }}) as recommendations
        on drift_bins.run_id = recommendations.run_id
    group by drift_bins.run_id

),

compared as (

    select
        newest.run_id,
        newest.generated_at,
        reference.run_id as reference_run_id,
        case
            when newest.settings_key <> reference.settings_key then '{{ notes.settings }}'
            when newest.history_days > 1.1e0 * reference.history_days then '{{ notes.history }}'
        end as note
    from builds as newest
    inner join builds as reference
        on reference.is_new = 0
    where newest.is_new = 1
    qualify row_number() over (order by reference.is_served desc, reference.generated_at desc, reference.run_id) = 1

),

final as (

    select
        compared.run_id,
        compared.reference_run_id,
        compared.note,
        drift_bins.kind,
        drift_bins.subject,
        drift_bins.column_name,
        drift_bins.bin,
        drift_bins.category,
        cast(sum(case when drift_bins.run_id = compared.run_id then drift_bins.n_rows else 0 end) as double) as n,
        cast(sum(case when drift_bins.run_id = compared.run_id then 0 else drift_bins.n_rows end) as double)
            as n_reference,
        compared.generated_at
    from {{ ref('drift_bins') }} as drift_bins
    inner join compared
        on drift_bins.run_id in (compared.run_id, compared.reference_run_id)
    group by
        compared.run_id,
        compared.reference_run_id,
        compared.note,
        drift_bins.kind,
        drift_bins.subject,
        drift_bins.column_name,
        drift_bins.bin,
        drift_bins.category,
        compared.generated_at

)

select * from final
