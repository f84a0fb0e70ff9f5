-- one row per identity: an id under which somebody is known, the person behind it, and what that person allows
{% set consent_purposes = kindred.consent_purposes() %}
{% set required, allowed = consent_purposes.required, [] %}
{% for purpose in consent_purposes.gating %}
{% do allowed.append("coalesce(answers.is_" ~ purpose ~ ", " ~ (purpose not in required) | lower ~ ")") %}
{% endfor %}

-- Null = no answer
with answers as (

    select
        user_id,
        {% for purpose in (consent_purposes.gating + ['analytics', 'sale']) | unique -%}
        min(case when purpose = '{{ purpose }}' then case when is_granted then 1 else 0 end end) = 1
            as is_{{ purpose }},
        {% endfor -%}
        max(valid_from) as answered_at
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
        {{ allowed | join(' and ') }} as is_consented,
        person_traffic.traffic,
        coalesce(answers.is_analytics, {{ ('analytics' not in required) | lower }}) as allows_analytics,
        coalesce(answers.is_sale, {{ ('sale' not in required) | lower }}) as allows_sale,
        person_ids.n_events,
        person_ids.first_seen_at,
        person_ids.last_seen_at
    from {{ ref('person_ids') }} as person_ids
    left join answers
        on person_ids.user_id = answers.user_id
    left join {{ ref('person_traffic') }} as person_traffic
        on person_ids.user_id = person_traffic.user_id
            and person_traffic.is_left_out

)

select * from final
