-- one row per (customer_id, offer_id, rule_id, language): a reason of a decline as a sentence for the customer
{{ config(materialized='view') }}

select
    reasons.customer_id,
    reasons.offer_id,
    reasons.rule_id,
    texts.language,
    texts.sentence
from {{ ref('decline_reasons') }} as reasons
inner join {{ ref('decline_texts') }} as texts
    on texts.code = case reasons.answer when 'unknown' then concat('unknown_', reasons.field) else reasons.rule_id end
