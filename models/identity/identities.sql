-- one row per identity: an id under which a tracker, the users table or a link knows somebody, the person behind it, and
-- what that person allows
{% set consent_purposes = kindred.consent_purposes() %}
{% set purposes = (consent_purposes.gating + ['analytics', 'sale']) | unique | list %}

with current_answers as (

    select
        user_id,
        {% for purpose in purposes -%}
        min(case when purpose = '{{ purpose }}' then case when is_granted then 1 else 0 end end) as {{ purpose }}
        {{- "," if not loop.last }}
        {% endfor -%}
    from {{ ref('consent_history') }}
    where valid_to is null
    group by user_id

),

final as (

    select
        person_ids.identity_id,
        person_ids.user_id,
        person_ids.link,
        person_ids.segment,
        person_ids.is_anonymous,
        {% for purpose in consent_purposes.gating -%}
        coalesce(current_answers.{{ purpose }}, {{ 0 if purpose in consent_purposes.required else 1 }}) = 1
        {{- " and" if not loop.last }}
        {% endfor -%}
        as is_consented,
        {% for purpose in ['analytics', 'sale'] -%}
        coalesce(current_answers.{{ purpose }}, {{ 0 if purpose in consent_purposes.required else 1 }}) = 1
            as allows_{{ purpose }},
        {% endfor -%}
        person_ids.n_events,
        person_ids.first_seen_at,
        person_ids.last_seen_at
    from {{ ref('person_ids') }} as person_ids
    left join current_answers
        on person_ids.user_id = current_answers.user_id

)

select * from final
