-- one row per (source, policy, period, kind, estimator, user_id): what a person adds to an estimate
{{ config(enabled=kindred.has_experiments(), materialized='view') }}
{% set estimators = [
    ('place', 'ips', 'ips', 'n_places', 'weights', 'n_places'),
    ('place', 'snips', 'ips', 'weights', 'weights', 'n_places'),
    ('place', 'dr', 'dr', 'n_places', 'weights', 'n_places'),
    ('place', 'switch_dr', 'switch_dr', 'n_places', 'weights', 'n_places'),
    ('list', 'sips', 'sips', 'n_lists', 'list_weights', 'n_lists'),
    ('list', 'iips', 'ips', 'n_lists', 'weights', 'n_places'),
    ('list', 'rips', 'rips', 'n_lists', 'list_weights', 'n_lists'),
    ('list', 'cascade_dr', 'cascade_dr', 'n_lists', 'list_weights', 'n_lists'),
] %}

{% for kind, estimator, numerator, denominator, weight, weighed in estimators -%}
select
    source,
    policy,
    period,
    '{{ kind }}' as kind,
    '{{ estimator }}' as estimator,
    user_id,
    n_lists,
    n_places,
    n_expected,
    supported,
    cast({{ numerator }} as double) as numerator,
    cast({{ denominator }} as double) as denominator,
    cast({{ weight }} as double) as weight,
    cast({{ weighed }} as double) as weighed
from {{ ref('valued_people') }}
{{ "union all" if not loop.last }}
{% endfor %}
