-- one row per (fold, policy, user_id): the policies by which lists of a person are made
{{ config(materialized='view') }}

-- What is shown.
select
    fold,
    'main' as policy,
    user_id,
    true as is_shown
from {{ ref('user_features') }}
{% if kindred.has_table('policies') %}
union all

-- The other policies are evaluated on the same people as main.
select
    targets.fold,
    policies.policy,
    targets.user_id,
    false as is_shown
from (
    select
        fold,
        user_id
    from {{ ref('targets') }}
    group by
        fold,
        user_id
) as targets
cross join {{ ref('checked_policies') }} as policies
where policies.policy <> 'main'
    and policies.problem is null
{% endif %}
