-- one row per (user_id, purpose, valid_from): what a person has allowed or refused, and from when to when
-- The answers of all ids of a person are one history: the newest answer to a question counts, and a person refuses a
-- purpose while a refusal of any question about it stands.
{% set required = kindred.consent_purposes().required %}
{% set is_required = "purpose in ('" ~ required | join("', '") ~ "')" if required else 'false' %}

with as_of as (select max(as_of) as as_of from {{ ref('folds') }}),

-- A replay knows what was known then. A build that is no replay knows all answers up to now, however old the newest
-- event is, and no refusal waits for its time. An id that nobody is known by stands for itself.
asked as (

    select
        coalesce(person_ids.user_id, consents.user_id) as user_id,
        consents.purpose,
        consents.question,
        max(case when consents.is_refused then 1 else 0 end) as is_refused,
        max(case when consents.is_granted then 1 else 0 end) as is_granted,
        min(consents.source) as source,
        consents.updated_at
    from {{ ref('kindred', 'consents') }} as consents
    inner join as_of
        on consents.updated_at < as_of.as_of
            {%- if not var('kindred__as_of') %}
            or consents.updated_at <= cast('{{ kindred.run_clock() }}' as timestamp)
            or consents.is_refused
            {%- endif %}
    left join {{ ref('person_ids') }} as person_ids
        on consents.user_id = person_ids.identity_id
    group by
        coalesce(person_ids.user_id, consents.user_id),
        consents.purpose,
        consents.question,
        consents.updated_at

),

-- By how many the questions that stand refused become more or fewer with each answer.
changes as (

    select
        user_id,
        purpose,
        source,
        updated_at,
        is_granted * (1 - is_refused) as is_granted,
        is_refused,
        is_refused - coalesce(
            lag(is_refused) over (partition by user_id, purpose, question order by updated_at), 0
        ) as n_more_refused
    from asked

),

moments as (

    select
        user_id,
        purpose,
        updated_at,
        min(source) as source,
        max(is_granted) as is_granted,
        sum(n_more_refused) as n_more_refused,
        -- A yes that is no consent is no answer, unless it takes back a no.
        max(case when is_granted = 1 or is_refused = 1 or n_more_refused <> 0 then 1 else 0 end) as is_answer
    from changes
    group by
        user_id,
        purpose,
        updated_at

),

standing as (

    select
        *,
        sum(n_more_refused) over (
            partition by user_id, purpose order by updated_at rows between unbounded preceding and current row
        ) as n_refused,
        max(is_granted) over (
            partition by user_id, purpose order by updated_at rows between unbounded preceding and current row
        ) as was_granted
    from moments

),

final as (

    select
        user_id,
        purpose,
        n_refused = 0 and (was_granted = 1 or not {{ is_required }}) as is_granted,
        source,
        updated_at as valid_from,
        lead(updated_at) over (partition by user_id, purpose order by updated_at) as valid_to
    from standing
    where is_answer = 1

)

select * from final
