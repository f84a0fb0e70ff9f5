-- one row per user_id: what a person's lists in the fold live are made of, as a short text
-- The passing of time alone leaves it as it is. Whatever else would make other lists of the same models changes it: an
-- event that came, was late, corrected or deleted, what event_weights says of it, a training, a setting.
{% set settings = [kindred.generator_settings(is_trained=false), kindred.setting('lists', 'n_candidates')] %}

with training as (

    select
        hash(
            {{ kindred.text_literal(tojson(settings, sort_keys=True)) }},
            training_settings,
            learned_until
        ) as fingerprint
    from {{ ref('training_policy') }}

),

tastes as (

    select
        sum(
            cast(
                mod(hash(event_type, weight, half_life_days, neutral_value, excludes_item), 1000000000039) as bigint
            )
        ) as fingerprint
    from {{ ref('event_types') }}

),

-- A sum of whole numbers is exact: the same events in any order give the same fingerprint.
histories as (

    select
        user_id,
        sum(cast(mod(hash(item_id, event_type, value, occurred_at), 1000000000039) as bigint)) as fingerprint
    from {{ ref('fold_events') }}
    where fold = 'live'
    group by user_id

)

select
    histories.user_id,
    cast(hash(histories.fingerprint, tastes.fingerprint, training.fingerprint) as varchar) as history_key
from histories
cross join tastes
cross join training
