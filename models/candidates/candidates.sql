-- one row per (fold, generator, user_id, item_id): what each generator proposes, all in one shape
-- Every model `*_candidates` of this room is read (`make embed` lists them), so that a new generator needs no line
-- here.
{{ config(materialized='view') }}

{% for model in kindred.default_settings().candidates
    if model.replace('_candidates', '') not in kindred.absent_generators() %}
select
    fold,
    generator,
    user_id,
    item_id,
    cast(score as double) as score,
    cast(rank as bigint) as rank
from {{ ref(model) }}
{{ "union all" if not loop.last }}
{% endfor %}
