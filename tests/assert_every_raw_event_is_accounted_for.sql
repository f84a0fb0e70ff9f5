-- Fails where the raw events are not as many as the usable, the exposures, the sends, the rejected and those of
-- forgotten people together.
-- A table of yours may grow while the build runs: there a difference is worth a warning, no reason to stop.
{{ config(severity='error' if kindred.input_pointers().events == 'sample_events' else 'warn') }}

with raw_rows as (select count(*) as n_rows from {{ kindred.input_relation('events') }}),

usable as (select count(*) as n_rows from {{ ref('events') }}),

exposures as (select count(*) as n_rows from {{ ref('exposure_events') }}),

sends as (select count(*) as n_rows from {{ ref('send_events') }}),

rejected as (select count(*) as n_rows from {{ ref('rejected_events') }}),

forgotten as (

    select coalesce(sum(n_rows), 0) as n_rows
    from {{ ref('forgotten_arrivals') }}
    where input = 'events'

)

select
    raw_rows.n_rows as n_raw,
    usable.n_rows as n_usable,
    exposures.n_rows as n_exposures,
    sends.n_rows as n_sends,
    rejected.n_rows as n_rejected,
    forgotten.n_rows as n_forgotten
from raw_rows
cross join usable
cross join exposures
cross join sends
cross join rejected
cross join forgotten
where raw_rows.n_rows <> usable.n_rows + exposures.n_rows + sends.n_rows + rejected.n_rows + forgotten.n_rows
