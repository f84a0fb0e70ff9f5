-- one row per (item_id, place): everybody who has an item in their pool
-- People who have it nearest the top of their own pool come first: scores order the items of a person, not people.
-- Of a person's policies the one whose list is shown counts.
-- Candidates hold nothing that a person's history excludes: only rules are left to mind.
{{ config(materialized='view') }}

with candidates as (

    select candidates.*
    from {{ ref('scored_candidates') }} as candidates
    {%- if kindred.has_table('policies') %}
    inner join {{ ref('person_policies') }} as person_policies
        on candidates.fold = person_policies.fold
            and candidates.policy = person_policies.policy
            and candidates.user_id = person_policies.user_id
            and person_policies.is_shown
    {%- endif %}
    where candidates.fold = 'live'

),

excluded as (

    select
        candidates.user_id,
        candidates.item_id
    from candidates
    inner join {{ ref('item_rules') }} as item_rules
        on candidates.fold = item_rules.fold
            and candidates.item_id = item_rules.item_id
            and item_rules.action = 'exclude'
    inner join {{ ref('user_features') }} as people
        on candidates.fold = people.fold
            and candidates.user_id = people.user_id
            and {{ kindred.rule_is_for('people', policy='candidates.policy') }}
    group by
        candidates.user_id,
        candidates.item_id

),

final as (

    select
        candidates.item_id,
        candidates.user_id,
        candidates.score,
        candidates.rank as pool_rank,
        row_number() over (
            partition by candidates.item_id
            order by candidates.rank, candidates.score desc, candidates.user_id
        ) as place
    from candidates
    left join excluded
        on candidates.user_id = excluded.user_id
            and candidates.item_id = excluded.item_id
    where excluded.user_id is null
        and {{ kindred.lists_for_people() }}

)

select * from final
