-- one row per (customer_id, offer_id, rule_id): a condition by which a customer may not be shown an offer
select
    customer_id,
    offer_id,
    rule_id,
    field,
    asked,
    known,
    answer
from {{ ref('asked_conditions') }}
where answer <> 'met'
