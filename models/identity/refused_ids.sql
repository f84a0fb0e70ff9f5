-- one row per id of a person who refuses a purpose that kindred__privacy names: nobody of them may stay in a release
with refusing as (

    select distinct user_id
    from {{ ref('consent_history') }}
    where valid_to is null
        and not is_granted
        and purpose in ('{{ kindred.consent_purposes().gating | join("', '") }}')

),

final as (

    select distinct coalesce(identities.identity_id, refusing.user_id) as identity_id
    from refusing
    left join {{ ref('identities') }} as identities
        on refusing.user_id = identities.user_id

)

select * from final
