-- one row per (user_id, rank): the list that each person is shown: a policy's, or drafted from two policies' lists
{{ config(materialized='view') }}

select
    user_id,
    rank,
    item_id,
    score,
    policy,
    generator,
    reason,
    propensity,
    cast(null as varchar) as team
from {{ ref('ranked_lists') }}
where fold = 'live'
    and is_shown
    and {{ kindred.lists_for_people() }}
{% if kindred.has_experiments() %}
union all

select
    drafted.user_id,
    drafted.rank,
    drafted.item_id,
    drafted.score,
    'interleaved' as policy,
    drafted.generator,
    coalesce(generators.reason, drafted.generator) as reason,
    drafted.propensity,
    drafted.team
from {{ ref('drafted_lists') }} as drafted
left join {{ ref('generators') }} as generators
    on drafted.generator = generators.generator
where drafted.fold = 'live'
    and {{ kindred.lists_for_people() }}
{% endif %}
