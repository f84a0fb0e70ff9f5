-- one row per given item: in the order in which recommend_items would show them, the rest behind, as they were given
with request as (

    select
        cast(given_items as varchar) as choice,
        {{ kindred.normal_id('cast(user_id as varchar)', composes=false) }} as asking_user

),

{{ kindred.known_person() }}

items as ({{ kindred.published_rows('items') }}),

eligible_sets as ({{ kindred.unnest_json_rows('known_person', 'eligible_for', {'eligibility': 'varchar'}) }}),

-- What a person is not eligible for is left out, not put behind; who is held out is eligible for nothing.
declined as (

    select items.item_id
    from items
    cross join known_person
    where items.eligibility <> ''
        and (
            known_person.is_held_out
            or items.eligibility not in (select eligible_sets.eligibility from eligible_sets)
        )

),

choices as ({{ kindred.unnest_json_rows('request', 'choice', {'item_id': 'varchar'}) }}),

spelt as (

    select
        choices.*,
        coalesce({{ kindred.normal_id('choices.item_id', composes=false) }}, choices.item_id) as own_id
    from choices

),

-- Each item is named as it was given, of two spellings of one item by the first.
given as (

    select spelt.*
    from spelt
    where spelt.own_id not in (select declined.item_id from declined)
    qualify row_number() over (partition by spelt.own_id order by spelt.place) = 1

),

{#- All of them, however many were given. -#}
{% set n = 2147483647 %}
{% set arguments = ['user_id', 'session_items', n, 'null', 'null', 'null', 'null', 'null', 'segment', 'given_items'] %}
recommended as (

    select * from {{ kindred.call_table_function(function('recommend_items'), arguments) }}

)

select
    row_number() over (order by recommended.rank nulls last, given.place) as rank,
    given.item_id,
    coalesce(recommended.score, 0) as score,
    coalesce(recommended.generator, 'as_given') as generator,
    coalesce(recommended.reason, 'as_given') as reason,
    recommended.because_item_id,
    coalesce(recommended.propensity, 1) as propensity,
    case when known_person.is_held_out then 'holdout' else coalesce(known_person.policy, 'main') end as policy
from given
cross join known_person
left join recommended
    on given.own_id = recommended.item_id
order by rank
