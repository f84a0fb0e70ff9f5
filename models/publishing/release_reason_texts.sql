-- one row per (language, reason): the sentence that a shop can show beside an item
select
    text_id,
    language,
    reason,
    text_with_item,
    text_alone
from {{ ref('checked_reason_texts') }}
where problem is null
