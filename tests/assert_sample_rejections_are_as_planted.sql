-- Fails for every reason whose rejected events are not as many as the sample shop was given on purpose.
-- Which items are unknown is known only beside the shop's own catalogue.
{{ config(enabled=(not kindred.has_own_inputs())) }}

with planted as (

    select
        entity_id as rejection_reason,
        cast(value as bigint) as n_rows
    from {{ ref('sample_truths') }}
    where kind = 'bad_events'

),

found as (

    select
        rejection_reason,
        count(*) as n_rows
    from {{ ref('rejected_events') }}
    group by rejection_reason

)

select
    coalesce(planted.rejection_reason, found.rejection_reason) as rejection_reason,
    planted.n_rows as n_planted,
    found.n_rows as n_found
from planted
full outer join found
    on planted.rejection_reason = found.rejection_reason
where coalesce(planted.n_rows, 0) <> coalesce(found.n_rows, 0)
