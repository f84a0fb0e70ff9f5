-- Fails for every fold that knows an event from its moment or later: it would be evaluated on what it had learned from.
select
    interactions.fold,
    folds.learns_until,
    max(interactions.last_at) as last_at
from {{ ref('interactions') }} as interactions
left join {{ ref('folds') }} as folds
    on interactions.fold = folds.fold
group by
    interactions.fold,
    folds.learns_until
having max(interactions.last_at) >= folds.learns_until
    or folds.learns_until is null
