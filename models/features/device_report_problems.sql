-- one row per (period, problem): why reports of devices are set aside, and how many; problem '' = those that count
{{ config(enabled=kindred.has_table('device_reports')) }}

select
    coalesce(period, '') as period,
    coalesce(problem, '') as problem,
    cast(count(*) as bigint) as n_reports
from {{ ref('checked_device_reports') }}
group by
    coalesce(period, ''),
    coalesce(problem, '')
