-- one row per item_id that not everybody may be shown: the set of its conditions
{{ config(materialized='view') }}

select
    item_id,
    max(eligibility) as eligibility
from {{ ref('item_conditions') }}
group by item_id
