-- one row per (segment, item_id) that enough people like: how many, with noise that hides each single one
-- Differential privacy for people: of each the newest items count, once in the own segment and once in everyone's (''), so
-- that one person changes the counts by at most twice max_items_per_person. Where privacy_budget has nothing for this
-- build, the rows are those of the build before.
{{ config(enabled=(kindred.setting('privacy', 'epsilon') != '')) }}
{% set columns = {'segment': 'varchar', 'item_id': 'varchar', 'n_people': 'bigint', 'run_id': 'varchar'} %}

with budget as (

    select
        *,
        2 * max_items_per_person as sensitivity,
        2 * max_items_per_person / epsilon as scale
    from {{ ref('privacy_budget') }}
    where run_id = '{{ invocation_id }}'

),

liked as (

    select
        user_id,
        item_id,
        row_number() over (partition by user_id order by last_at desc, item_id) as place
    from {{ ref('interactions') }}
    where fold = 'live'
        and weight > 0

),

groups_of_people as (

    select
        user_id,
        segment
    from {{ ref('user_features') }}
    where fold = 'live'
        and segment is not null

    union all

    select
        user_id,
        '' as segment
    from {{ ref('user_features') }}
    where fold = 'live'

),

counted as (

    select
        groups_of_people.segment,
        liked.item_id,
        budget.sensitivity,
        budget.scale,
        budget.delta,
        count(*) as n_people
    from liked
    inner join groups_of_people
        on liked.user_id = groups_of_people.user_id
    inner join budget
        on liked.place <= budget.max_items_per_person
    group by
        groups_of_people.segment,
        liked.item_id,
        budget.sensitivity,
        budget.scale,
        budget.delta

),

drawn as (

    select
        counted.*,
        {{ kindred.id_hash(
            "concat('" ~ invocation_id ~ "|', counted.segment, '|', counted.item_id)", 'forgotten_key.hash_key'
        ) }} as digits
    from counted
    cross join {{ ref('forgotten_key') }} as forgotten_key

),

noisy as (

    select
        *,
        n_people + {{ kindred.discrete_laplace('digits', 'scale') | indent(8) }} as noisy_people
    from drawn

),

-- An item tells of a person who likes it alone by being here at all: the bound keeps the chance that any such is below
-- delta.
final as (

    select
        segment,
        item_id,
        cast(noisy_people as bigint) as n_people,
        '{{ invocation_id }}' as run_id
    from noisy
    where noisy_people >= 1 + scale * ln(sensitivity / delta)

    union all

    select earlier.*
    from (

        {{ kindred.previous_rows('private_popularity', columns) }}

    ) as earlier
    left join budget
        on true
    where budget.run_id is null

)

select * from final
