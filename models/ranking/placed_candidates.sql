-- one row per (fold, policy, user_id, item_id): the candidates that may stand on a person's list, in order
-- Pinned items are placed by ranked_lists, between these.
{{ config(materialized='view') }}
{% set n = kindred.setting('lists', 'n_recommendations') | int %}
{% set is_explored = kindred.explores() %}
{#- So many candidates from the first drawn place on may stand there, and so many more that hardly anybody touched. -#}
{% set pool = 20 %}
{% set new_pool = 10 %}

{% if is_explored %}
with policies as (

    select
        policy,
        cast(floor(exploration_share * {{ n }} + 0.5) as integer) as n_explored
    from {{ ref('checked_policies') }}

),

-- Items that generators which learn from people's choices can't see yet, and rank too low for anybody to see them.
new_items as (

    select item_id
    from {{ ref('item_features') }}
    where fold = 'live'
        and n_users < 5

),

ordered as (

    select
        candidates.*,
        new_items.item_id is not null and candidates.popular_rank is null as is_new,
        row_number() over (
            partition by
                candidates.fold,
                candidates.policy,
                candidates.user_id,
                new_items.item_id is not null and candidates.popular_rank is null
            order by candidates.place
        ) as place_of_its_kind
    from {{ ref('ordered_candidates') }} as candidates
    left join new_items
        on candidates.item_id = new_items.item_id
            and candidates.fold = 'live'
    qualify candidates.place <= {{ n + pool }} or (is_new and place_of_its_kind <= {{ new_pool }})

),
{% else %}
with ordered as (select * from {{ ref('ordered_candidates') }} where place <= {{ n }}),

{% endif %}
pin_counts as (select * from {{ ref('pin_counts') }}),

-- The last of the places that pins leave are drawn by chance, in published lists alone: evaluated lists are those that
-- would be shown without exploration.
final as (

    select
        ordered.fold,
        ordered.policy,
        ordered.user_id,
        ordered.item_id,
        ordered.generator,
        ordered.score,
        ordered.place,
        {{ n }} - coalesce(pin_counts.n_pins, 0) as n_places,
        {% if is_explored -%}
        (ordered.fold = 'live' and ordered.place > {{ n }} - policies.n_explored - coalesce(pin_counts.n_pins, 0))
        {%- else -%}
        false
        {%- endif %} as is_drawn
    from ordered
    left join pin_counts
        on ordered.fold = pin_counts.fold
            and ordered.policy = pin_counts.policy
            and ordered.user_id = pin_counts.user_id
    {%- if is_explored %}
    inner join policies
        on ordered.policy = policies.policy
    {%- endif %}
    where ordered.place <= {{ n }} - coalesce(pin_counts.n_pins, 0)
    {%- if is_explored %}
    or (
        ordered.fold = 'live'
        and policies.n_explored > 0
        and ordered.stage = 0
        and (
            ordered.place <= {{ n + pool }} - policies.n_explored - coalesce(pin_counts.n_pins, 0)
            or (ordered.is_new and ordered.place_of_its_kind <= {{ new_pool }})
        )
    )
    {%- endif %}

)

select * from final
