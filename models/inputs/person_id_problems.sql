-- one row per (input, entity_id, problem, fate): ids of people that are nobody's, and links and requests that can't
-- be used
{{ config(materialized='view') }}

with blocked as (

    {% for input in ['users', 'consents'] %}
    select
        '{{ input }}' as input,
        cast(null as varchar) as entity_id,
        'blocked_user_id' as problem,
        cast(null as varchar) as example,
        'row set aside' as fate,
        count(*) as n_rows
    from {{ ref('typed_' ~ input) }}
    where is_blocked
    having count(*) > 0

    union all
    {% endfor %}
    select
        'events' as input,
        cast(null as varchar) as entity_id,
        concat('blocked_', column_name) as problem,
        min(spelling) as example,
        'taken as no id' as fate,
        sum(n_events) as n_rows
    from {{ ref('event_spellings') }}
    where is_blocked
    group by column_name

),

-- A request without an id asks for nobody; one whose time can't be read counts from now.
erasures as (

    {{ kindred.select_person_rows('erasures') }}

),

unusable_erasures as (

    select
        'erasures' as input,
        cast(null as varchar) as entity_id,
        case
            when identity_id is null then 'missing_identity_id'
            when is_blocked then 'blocked_identity_id'
            else 'invalid_requested_at'
        end as problem,
        min(case when is_blocked then identity_id when identity_id is not null then requested_at_text end) as example,
        case when identity_id is null or is_blocked then 'row set aside' else 'forgotten from now on' end as fate,
        count(*) as n_rows
    from erasures
    where identity_id is null
        or is_blocked
        or (requested_at is null and requested_at_text is not null)
    group by all

),

unusable_links as (

    select
        'identity_links' as input,
        cast(null as varchar) as entity_id,
        rejection_reason as problem,
        min(case rejection_reason
            when 'unknown_kind' then kind
            when 'invalid_linked_at' then linked_at_text
            else coalesce(left_id, right_id)
        end) as example,
        'row set aside' as fate,
        count(*) as n_rows
    from {{ ref('typed_identity_links') }}
    where rejection_reason is not null
    group by rejection_reason

),

final as (

    select * from blocked
    union all
    select * from unusable_erasures
    union all
    select * from unusable_links

)

select * from final
