-- one row per (user_id, purpose, updated_at); empty where there is no consents table
-- Each row is what holds from its time on. Doubt is a refusal: an answer that can't be read, two answers at once, an
-- answer without a purpose or under one that nobody knows, a refusal without a time.
{% set requires_consent = kindred.setting('privacy', 'requires_consent') %}

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
        purpose is not null as is_known_purpose,
        coalesce(is_granted, false) as is_granted,
        coalesce(updated_at, cast('1970-01-01' as timestamp)) as updated_at
    from typed_consents
    where updated_at is not null
        or not coalesce(is_granted, false)

),

asked as (

    select
        user_id,
        purpose,
        question,
        max(case when is_granted then 0 else 1 end) as is_refused,
        max(case when is_granted and is_known_purpose then 1 else 0 end) as is_granted,
        updated_at
    from answers
    group by
        user_id,
        purpose,
        question,
        updated_at

),

-- By how many the questions that stand refused become more or fewer with each answer.
changes as (

    select
        user_id,
        purpose,
        updated_at,
        is_granted * (1 - is_refused) as is_granted,
        is_refused - coalesce(
            lag(is_refused) over (partition by user_id, purpose, question order by updated_at), 0
        ) as n_more_refused,
        is_refused
    from asked

),

moments as (

    select
        user_id,
        purpose,
        updated_at,
        max(is_granted) as is_granted,
        sum(n_more_refused) as n_more_refused,
        -- A yes to an unknown purpose is no answer, unless it takes back a no.
        max(case when is_granted = 1 or is_refused = 1 or n_more_refused <> 0 then 1 else 0 end) as is_answer
    from changes
    group by
        user_id,
        purpose,
        updated_at

),

standing as (

    select
        user_id,
        purpose,
        sum(n_more_refused) over (
            partition by user_id, purpose order by updated_at rows between unbounded preceding and current row
        ) as n_refused,
        max(is_granted) over (
            partition by user_id, purpose order by updated_at rows between unbounded preceding and current row
        ) as was_granted,
        is_answer,
        updated_at
    from moments

),

final as (

    select
        user_id,
        purpose,
        n_refused = 0{{ ' and was_granted = 1' if requires_consent }} as is_granted,
        updated_at
    from standing
    where is_answer = 1

)

select * from final
