-- one row per (user_id, purpose, question, updated_at): answers as they are taken; empty without a consents table
-- Doubt is a refusal: an answer that can't be read, two answers at once, an answer without a purpose or under one that
-- nobody knows, a refusal without a time.
with typed_consents as (select * from {{ ref('typed_consents') }} where user_id is not null),

-- A question is what a later answer replaces an earlier one of. Spellings of one purpose are one question; a wider or
-- narrower purpose (marketing, ad_personalization) is another, as a yes to it doesn't take back a no to this one.
answers as (

    select
        user_id,
        coalesce(purpose, 'personalization') as purpose,
        case
            when updated_at is null then '(no time)'
            when purpose is null then coalesce(spelling, '(no purpose)')
            when is_question then spelling
            else purpose
        end as question,
        coalesce(is_granted, false) as is_granted,
        -- A yes to a purpose that nobody knows is no consent, nor is the absence of a signal to opt out.
        purpose is not null and not is_opt_out as can_grant,
        source,
        coalesce(updated_at, cast('1970-01-01' as timestamp)) as updated_at
    from typed_consents
    where updated_at is not null
        or not coalesce(is_granted, false)

),

final as (

    select
        user_id,
        purpose,
        question,
        max(case when is_granted then 0 else 1 end) = 1 as is_refused,
        min(case when is_granted and can_grant then 1 else 0 end) = 1 as is_granted,
        min(source) as source,
        updated_at
    from answers
    group by
        user_id,
        purpose,
        question,
        updated_at

)

select * from final
