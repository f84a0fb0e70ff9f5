-- one row per (fold, generator, user_id, item_id): the candidates that the person may be shown
-- The one way from what generators propose to everything that ranks it or evaluates it.
-- depends_on: {{ ref('item_eligibility') }}, {{ ref('eligible_people') }}
{{ config(materialized='view') }}

select
    candidates.fold,
    candidates.generator,
    candidates.user_id,
    candidates.item_id,
    candidates.score,
    candidates.rank
from {{ ref('candidates') }} as candidates
{%- if kindred.has_table('eligibility') %}
left join {{ ref('item_eligibility') }} as item_eligibility
    on candidates.item_id = item_eligibility.item_id
left join {{ ref('eligible_people') }} as eligible_people
    on candidates.user_id = eligible_people.user_id
        and item_eligibility.eligibility = eligible_people.eligibility
where item_eligibility.item_id is null
    or eligible_people.user_id is not null
{%- endif %}
