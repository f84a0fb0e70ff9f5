{#- How the functions find who asks: CTEs up to `known_person`, one row, the person's list, nulls without one, and
    whether the person is held out. `request` stands before them, with asking_user, an id in normal form. -#}
{% macro known_person() -%}
lists as ({{ kindred.published_rows('lists') }}),

identities as ({{ kindred.published_rows('identities') }}),

arms as ({{ kindred.published_rows('arms') }}),

asking as (

    select coalesce(identities.user_id, request.asking_user) as user_id
    from request
    left join identities
        on request.asking_user = identities.identity_id

),

-- Of a person with a list the build has decided who is held out.
holdouts as (

    select count(*) as n_arms
    from asking
    inner join arms
        on asking.user_id is not null
            and arms.kind = 'holdout'
            and arms.is_control
            and {{ kindred.runs_now('arms') }}
            and {{ kindred.arm_key('arms', 'asking.user_id') }} >= arms.from_key
            and {{ kindred.arm_key('arms', 'asking.user_id') }} < arms.to_key

),

known_person as (

    select
        lists.*,
        case when lists.user_id is not null then lists.policy = 'holdout' else holdouts.n_arms > 0 end as is_held_out
    from asking
    cross join holdouts
    left join lists
        on asking.user_id = lists.user_id

),
{%- endmacro %}
