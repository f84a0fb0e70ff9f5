-- one row per row of the table of device reports, with what is wrong with it
{{ config(enabled=kindred.has_table('device_reports')) }}
{% set protocol = kindred.device_protocol() %}

with reports as (

    select
        {{ kindred.select_table_columns('device_reports') }}
    from {{ kindred.table_relation('device_reports') }}

),

as_of as (select substr(cast(max(as_of) as varchar), 1, 7) as month from {{ ref('folds') }}),

-- A report that arrived twice is one report; a device that sent two is not to count more than others.
numbered as (

    select
        *,
        row_number() over (partition by sender_id, period, seed, bucket, epsilon order by sender_id) as copy_number,
        min(seed) over (partition by sender_id, period) <> max(seed) over (partition by sender_id, period)
        or min(bucket) over (partition by sender_id, period) <> max(bucket) over (partition by sender_id, period)
            as is_one_of_several
    from reports

),

final as (

    select
        numbered.sender_id,
        numbered.period,
        cast(numbered.seed as bigint) as seed,
        cast(numbered.bucket as bigint) as bucket,
        case
            when numbered.sender_id is null then 'it has no sender_id'
            when
                not coalesce(
                    length(numbered.period) = 7
                    and {{ kindred.matches_part('numbered.period', '^[0-9]{4}-(0[1-9]|1[0-2])$') }},
                    false
                )
                then 'its period is no month such as 2026-05'
            when numbered.period > as_of.month then 'its month has not begun'
            when not coalesce(abs(numbered.epsilon - {{ protocol.epsilon }}) < 1e-9, false)
                then 'its epsilon is not device_epsilon of kindred__privacy'
            {%- for column, n in {'seed': protocol.n_seeds, 'bucket': protocol.n_buckets}.items() %}
            when not coalesce(
                    numbered.{{ column }} between 0 and {{ n - 1 }}
                    and floor(numbered.{{ column }}) = numbered.{{ column }}, false
                )
                then 'its {{ column }} is no whole number from 0 to {{ n - 1 }}'
            {%- endfor %}
            when numbered.is_one_of_several then 'its device sent several reports in the month'
            when numbered.copy_number > 1 then 'it arrived again'
        end as problem
    from numbered
    cross join as_of

)

select * from final
