-- one row per (field, user_id): the group of a person by a protected field, of the groups large enough to be compared
{{ config(materialized='ephemeral') }}
{% set given = kindred.setting('privacy', 'protected_fields') %}
{#- dbt reads all models before validate_configuration may speak. -#}
{% set fields = given if given is iterable and given is not string and given is not mapping else [] %}
{#- Below that the normal approximation of the intervals says little. -#}
{% set least_people = [30, kindred.setting('privacy', 'min_people') | int] | max %}

with people as (select user_id from {{ ref('user_features') }} where fold = 'live'),

-- Whose accounts say different things is of no group.
members as (

    select
        people.user_id,
        user_fields.field,
        min(lower(user_fields.value)) as group_value
    from {{ ref('user_fields') }} as user_fields
    inner join {{ ref('identities') }} as identities
        on user_fields.user_id = identities.identity_id
    inner join people
        on identities.user_id = people.user_id
    where user_fields.field in (
            {%- for field in fields %}{{ kindred.text_literal(field) }}{{ ", " if not loop.last }}{% else %}null
            {%- endfor -%}
        )
    group by
        people.user_id,
        user_fields.field
    having min(lower(user_fields.value)) = max(lower(user_fields.value))

),

final as (

    select
        *,
        cast(count(*) over (partition by field, group_value) as double) as n_people
    from members
    qualify count(*) over (partition by field, group_value) >= {{ least_people }}

)

select * from final
