-- one row per (fold, policy, user_id): the policies by which lists of a person are made
-- depends_on: {{ ref('targets') }}, {{ ref('checked_policies') }}
{{ config(materialized='view') }}

{% if kindred.has_experiments() %}
with made as (

    select
        'live' as fold,
        policy,
        user_id,
        is_shown,
        team
    from {{ ref('assigned_policies') }}

    union all

    select
        fold,
        'main' as policy,
        user_id,
        true as is_shown,
        cast(null as varchar) as team
    from {{ ref('user_features') }}
    where fold <> 'live'

),

{% else %}
with made as (

    select
        fold,
        'main' as policy,
        user_id,
        true as is_shown,
        cast(null as varchar) as team
    from {{ ref('user_features') }}

),

{% endif %}
final as (

    select * from made
    {% if kindred.has_table('policies') %}
    union all

    -- The other policies are evaluated on the same people as main.
    select
        targets.fold,
        policies.policy,
        targets.user_id,
        false as is_shown,
        cast(null as varchar) as team
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

)

select * from final
