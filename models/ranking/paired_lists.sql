-- one row per (fold, user_id, team, rank): both lists of a person for whom two policies are interleaved
{{ config(materialized='view', enabled=kindred.has_experiments()) }}

-- The day is in the coins, as in all that is drawn: a replay draws the same.
with days as (

    select {{ kindred.day_digits('as_of') }} as day
    from {{ ref('folds') }}
    where fold = 'live'

)

select
    ranked_lists.fold,
    days.day as run_key,
    ranked_lists.user_id,
    ranked_lists.team,
    ranked_lists.rank,
    ranked_lists.item_id,
    ranked_lists.generator,
    ranked_lists.score
from {{ ref('ranked_lists') }} as ranked_lists
cross join days
where ranked_lists.fold = 'live'
    and ranked_lists.team is not null
