-- one row per (input, entity_id, problem): answers that meet nobody, near ids of two people, and ids that join nobody
with identities as (select * from {{ ref('identities') }}),

-- What holds now: what was taken back meets nobody either, and harms nobody.
unmet as (

    select
        consent_history.user_id,
        consent_history.is_granted
    from {{ ref('consent_history') }} as consent_history
    left join identities
        on consent_history.user_id = identities.identity_id
    where consent_history.valid_to is null
        and consent_history.purpose = 'personalization'
        and identities.identity_id is null

),

-- An id that only the consents have may be somebody under another spelling.
ids as (

    select
        identity_id,
        coalesce(user_id, identity_id) as user_id,
        0 as is_unmet_refusal
    from identities

    union all

    select
        user_id as identity_id,
        user_id,
        1 as is_unmet_refusal
    from unmet
    where not is_granted

),

near as (

    select
        min(identity_id) as identity_id,
        max(identity_id) as other_id,
        max(is_unmet_refusal) as has_unmet_refusal,
        count(*) as n_ids
    from ids
    group by {{ kindred.nearly_same_key('identity_id') }}
    having min(user_id) <> max(user_id)

),

final as (

    select
        'consents' as input,
        user_id as entity_id,
        'refusal_of_nobody_known' as problem,
        cast(null as varchar) as rejected_text,
        'kept until somebody of that id is seen' as fate,
        cast(count(*) as bigint) as n_rows
    from unmet
    where not is_granted
    group by user_id

    union all

    select
        case when has_unmet_refusal = 1 then 'consents' else 'events and users' end as input,
        identity_id as entity_id,
        'nearly_same_user_id' as problem,
        other_id as rejected_text,
        'kept as people of their own' as fate,
        cast(n_ids as bigint) as n_rows
    from near

    union all

    select
        input,
        entity_id,
        problem,
        cast(null as varchar) as rejected_text,
        fate,
        cast(n_rows as bigint) as n_rows
    from {{ ref('kept_apart_ids') }}

)

select * from final
