-- one row per (run_id, kind, subject, column_name): how far a column moved since the build that apps are served
-- A column drifted where it moved far, and farther than chance moves so many rows. Either alone finds drift in all
-- large data or in all small data.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='run_id',
    on_schema_change='append_new_columns',
    full_refresh=false,
) }}

{% set key = ['run_id', 'reference_run_id', 'note', 'kind', 'subject', 'column_name', 'generated_at'] | join(', ') %}
{% set column = 'kind, subject, column_name' %}
{% set so_far = "(partition by " ~ column ~ " order by bin, category rows unbounded preceding)" %}
{% set least_rows = 500 %}

with paired_bins as (select * from {{ ref('paired_bins') }}),

cumulated as (

    select
        *,
        sum(n) over (partition by {{ column }}) as n_all,
        sum(n_reference) over (partition by {{ column }}) as n_all_reference,
        sum(n) over {{ so_far }} as n_so_far,
        sum(n_reference) over {{ so_far }} as n_reference_so_far,
        max(case when category <> '' then 1 else 0 end) over (partition by {{ column }}) as is_category
    from paired_bins

),

-- Numbers by the deciles of the reference: a bin is in the tenth in which the reference's rows below it end.
grouped as (

    select
        {{ key }},
        case
            when is_category = 0 then least(9, floor(10 * (n_reference_so_far - n_reference) / n_all_reference))
        end as tenth,
        category,
        n_all,
        n_all_reference,
        greatest(sum(n) / n_all, 0.0001e0) as share,
        greatest(sum(n_reference) / n_all_reference, 0.0001e0) as reference_share,
        max(case when is_category = 0 then abs(n_so_far / n_all - n_reference_so_far / n_all_reference) end) as distance
    from cumulated
    where n_all > 0
        and n_all_reference > 0
    group by {{ key }}, 8, category, n_all, n_all_reference

),

measured as (

    select
        {{ key }},
        n_all as n,
        n_all_reference as n_reference,
        {{ kindred.exact_sum('(share - reference_share) * ln(share / reference_share)', scale=12) }} as psi,
        max(distance) as ks,
        (count(*) - 1 + 2 * sqrt(2.0e0 * (count(*) - 1))) * (1 / n_all + 1 / n_all_reference) as noise
    from grouped
    group by {{ key }}, n_all, n_all_reference

),

final as (

    select
        run_id,
        reference_run_id,
        kind,
        subject,
        column_name,
        psi,
        ks,
        {{ kindred.ks_p('ks', 'n', 'n_reference') }} as ks_p,
        noise,
        cast(n as bigint) as n,
        cast(n_reference as bigint) as n_reference,
        case
            when note is null and least(n, n_reference) >= {{ least_rows }}
                then
                    psi > greatest(0.2e0, noise)
                    or coalesce(ks > 0.1e0 and {{ kindred.ks_p('ks', 'n', 'n_reference') }} < 0.001e0, false)
        end as is_drifted,
        coalesce(
            note, case when least(n, n_reference) < {{ least_rows }} then 'fewer than {{ least_rows }} rows' end
        ) as note,
        generated_at
    from measured

)

select * from final
